// Ancestors of a coalition
// Group: one coalition's lineage
// Answers: Where does a coalition come from, path by path?
// $coalition (string, required, example "demo/pas.exact/L11/C0003"): the coalition to start from.
// $steps (integer >= 1, optional, default 3): at most so many layer steps.
// $paths (integer >= 1, optional, default 1000): at most so many paths, the nearest first; where coalitions split and merge often there may be more.
// Empty: it has no ancestors: it emerges in its layer, its layer is the first one, or its run has no lineage
// column step: number of layer steps away
// column layer: layer of the ancestor
// column coalition: the ancestor
// column size: number of its members
// column fate: what becomes of it
// column events: what happened on the way, in the order of the layers
// column path: the coalitions on the way, in the order of the layers
// column alpha: of the edge that leads from the ancestor
// column beta: of that edge
// column z: of that edge
// column mass: of that edge
// column coalitions (not in tables): full ids of the coalitions on the way
MATCH (c:Coalition {id: $coalition})-[:FOUND_IN]->(r:Run {status: 'complete'})
UNWIND reverse([l IN r.layers WHERE l < c.layer])[..$steps] AS bound
// One length after the other, each no longer than the bound, so that the walk ends where there are enough paths.
MATCH p = (c) ((b:Coalition)<-[:PERSISTS_AS|SPLITS_INTO|MERGES_INTO]-(a:Coalition) WHERE a.layer >= bound){1,128} (d:Coalition)
WHERE d.layer = bound
WITH d, p
LIMIT $paths
WITH d, reverse(nodes(p)) AS way, reverse(relationships(p)) AS edges, last(relationships(p)) AS edge
RETURN size(edges) AS step, d.layer AS layer, d.id AS coalition, d.size AS size, d.fate AS fate,
       reduce(told = '', e IN edges | told + CASE told WHEN '' THEN '' ELSE ' > ' END +
         CASE type(e) WHEN 'PERSISTS_AS' THEN 'persist' WHEN 'SPLITS_INTO' THEN 'split' ELSE 'merge' END) AS events,
       reduce(told = '', n IN way | told + CASE told WHEN '' THEN '' ELSE ' > ' END +
         'L' + toString(n.layer) + '/C' + toString(n.rank)) AS path,
       edge.alpha AS alpha, edge.beta AS beta, edge.z AS z, edge.mass AS mass, [n IN way | n.id] AS coalitions
ORDER BY step, path
