// Features carried along a lineage
// Group: lineage
// Answers: Which features of a coalition do its descendants align with too?
// $run (string, optional, default null): only this run; null asks all of them.
// $feature (string, optional, default null): only this feature; null asks all of them.
// $r2 (float, optional, default 0.1): only alignments of at least this squared correlation, at both ends.
// $steps (integer >= 1, optional, default 3): at most so many layer steps between the ends.
// Empty: no feature is carried by an event of the runs loaded, or their alignments were not evaluated
// column run: the run
// column feature: the feature
// column family: what it is made from
// column layer: the first coalition's layer
// column source: the first coalition
// column r2: its squared correlation with the feature
// column target: the coalition that comes from it
// column target_r2: its squared correlation with the feature
// column events: what happened on the way, in the order of the layers
// column path: the coalitions on the way
// column coalitions (not in tables): full ids of the coalitions on the way
MATCH (r:Run {status: 'complete'})
WHERE $run IS NULL OR r.id = $run
MATCH (r)<-[:FOUND_IN]-(s:Coalition)
WHERE s.fate <> 'vanish'
WITH r, s, last([l IN r.layers WHERE l > s.layer][..$steps]) AS bound
MATCH p = (s) ((a:Coalition)-[:PERSISTS_AS|SPLITS_INTO|MERGES_INTO]->(b:Coalition) WHERE b.layer <= bound){1,128} (t:Coalition)
WITH r, s, t, nodes(p) AS way, relationships(p) AS edges
MATCH (s)-[x:ALIGNS_WITH]->(f:Feature)
WHERE x.r2 >= $r2 AND ($feature IS NULL OR f.name = $feature)
MATCH (t)-[y:ALIGNS_WITH]->(f)
WHERE y.r2 >= $r2
RETURN r.id AS run, f.name AS feature, f.family AS family, s.layer AS layer, s.id AS source, x.r2 AS r2,
       t.id AS target, y.r2 AS target_r2,
       reduce(told = '', e IN edges | told + CASE told WHEN '' THEN '' ELSE ' > ' END +
         CASE type(e) WHEN 'PERSISTS_AS' THEN 'persist' WHEN 'SPLITS_INTO' THEN 'split' ELSE 'merge' END) AS events,
       reduce(told = '', n IN way | told + CASE told WHEN '' THEN '' ELSE ' > ' END +
         'L' + toString(n.layer) + '/C' + toString(n.rank)) AS path,
       [n IN way | n.id] AS coalitions
ORDER BY run, feature, path
