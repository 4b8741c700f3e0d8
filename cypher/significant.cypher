// Edges beyond chance
// Group: flow
// Answers: Between which coalitions flows more than to random neurons?
// $run (string, optional, default null): only this run; null asks all of them.
// $z (float, optional, default 3.0): how many standard deviations are beyond chance.
// Empty: no edge of the runs loaded is that far beyond chance
// column run: the run
// column layer: the source's layer
// column source: the coalition that feeds
// column size: number of its members
// column target: the coalition that is fed, in the next layer
// column target_size: number of its members
// column z: how far the flow lies from that into random neurons, in standard deviations
// column lift: flow over what the totals of both ends would give
// column alpha: share of what the source gives beyond chance that goes to this target
// column beta: share of what the target gets beyond chance that comes from this source
// column mass: interaction mass
// column event: persist, split or merge; empty where the edge is none of them
MATCH (r:Run {status: 'complete'})
WHERE $run IS NULL OR r.id = $run
MATCH (r)<-[:FOUND_IN]-(s:Coalition)-[i:INTERACTS]->(t:Coalition)
WHERE i.z >= $z
OPTIONAL MATCH (s)-[e:PERSISTS_AS|SPLITS_INTO|MERGES_INTO]->(t)
RETURN r.id AS run, s.layer AS layer, s.id AS source, s.size AS size, t.id AS target, t.size AS target_size,
       i.z AS z, i.lift AS lift, i.alpha AS alpha, i.beta AS beta, i.mass AS mass,
       CASE type(e) WHEN 'PERSISTS_AS' THEN 'persist' WHEN 'SPLITS_INTO' THEN 'split' WHEN 'MERGES_INTO' THEN 'merge' END
         AS event
ORDER BY run, layer, z DESC, source, target
