// Strongest edges
// Group: flow
// Answers: Between which coalitions is most flow, mass, lift or z?
// $run (string, optional, default null): only this run; null asks all of them.
// $layer (integer >= 0, optional, default null): only edges from this layer; null asks all of them.
// $by (string of flow|mass|lift|z|alpha|beta, optional, default "flow"): what is compared: flow, mass, lift, z, alpha or beta.
// $limit (integer >= 1, optional, default 50): at most so many edges.
// Empty: the runs loaded have no edges with that property
// column run: the run
// column layer: the source's layer
// column source: the coalition that feeds
// column size: number of its members
// column target: the coalition that is fed, in the next layer
// column target_size: number of its members
// column flow: mass times both sizes
// column mass: interaction mass
// column lift: flow over what the totals of both ends would give
// column z: how far the flow lies from that into random neurons, in standard deviations
// column event: persist, split or merge; empty where the edge is none of them
MATCH (r:Run {status: 'complete'})
WHERE $run IS NULL OR r.id = $run
MATCH (r)<-[:FOUND_IN]-(s:Coalition)
WHERE $layer IS NULL OR s.layer = $layer
MATCH (s)-[i:INTERACTS]->(t:Coalition)
WITH r, s, i, t, i[$by] AS strength
WHERE strength IS NOT NULL
WITH r, s, i, t, strength
ORDER BY strength DESC
LIMIT $limit
OPTIONAL MATCH (s)-[e:PERSISTS_AS|SPLITS_INTO|MERGES_INTO]->(t)
RETURN r.id AS run, s.layer AS layer, s.id AS source, s.size AS size, t.id AS target, t.size AS target_size,
       i.flow AS flow, i.mass AS mass, i.lift AS lift, i.z AS z,
       CASE type(e) WHEN 'PERSISTS_AS' THEN 'persist' WHEN 'SPLITS_INTO' THEN 'split' WHEN 'MERGES_INTO' THEN 'merge' END
         AS event
ORDER BY strength DESC, source, target
