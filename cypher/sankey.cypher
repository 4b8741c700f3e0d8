// Flows for a Sankey diagram
// Group: flow
// Answers: How much flows between the largest coalitions of each layer?
// $run (string, optional, default null): only this run; null asks all of them.
// $top (integer >= 1, optional, default 10): only so many coalitions of each layer, the largest.
// Empty: no edge that was kept joins the largest coalitions of two layers
// column run: the run
// column layer: the source's layer
// column next: the target's layer
// column source: the coalition that feeds
// column target: the coalition that is fed
// column value: flow, which is mass times both sizes
// column size: number of the source's members
// column target_size: number of the target's members
// column z: how far the flow lies from that into random neurons, in standard deviations
// column event: persist, split or merge; empty where the edge is none of them
MATCH (r:Run {status: 'complete'})
WHERE $run IS NULL OR r.id = $run
MATCH (r)<-[:FOUND_IN]-(s:Coalition)
WHERE s.rank < $top
MATCH (s)-[i:INTERACTS]->(t:Coalition)
WHERE t.rank < $top
OPTIONAL MATCH (s)-[e:PERSISTS_AS|SPLITS_INTO|MERGES_INTO]->(t)
RETURN r.id AS run, s.layer AS layer, t.layer AS next, s.id AS source, t.id AS target, i.flow AS value,
       s.size AS size, t.size AS target_size, i.z AS z,
       CASE type(e) WHEN 'PERSISTS_AS' THEN 'persist' WHEN 'SPLITS_INTO' THEN 'split' WHEN 'MERGES_INTO' THEN 'merge' END
         AS event
ORDER BY run, layer, source, target
