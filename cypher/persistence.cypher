// Persistence
// Group: lineage
// Answers: Which coalitions persist, and as which?
// $run (string, optional, default null): only this run; null asks all of them.
// Empty: no coalition of the runs loaded persists
// column run: the run
// column layer: the source's layer
// column source: the coalition that persists
// column size: number of its members
// column target: the coalition it persists as
// column target_size: number of its members
// column alpha: share of what the source gives beyond chance that goes to this target
// column beta: share of what the target gets beyond chance that comes from this source
// column z: how far the flow lies from that into random neurons, in standard deviations
// column mass: interaction mass
// column fate: what becomes of the source, by its best edge
MATCH (r:Run {status: 'complete'})
WHERE $run IS NULL OR r.id = $run
MATCH (r)<-[:FOUND_IN]-(s:Coalition)-[e:PERSISTS_AS]->(t:Coalition)
RETURN r.id AS run, s.layer AS layer, s.id AS source, s.size AS size, t.id AS target, t.size AS target_size,
       e.alpha AS alpha, e.beta AS beta, e.z AS z, e.mass AS mass, s.fate AS fate
ORDER BY run, layer, z DESC, source, target
