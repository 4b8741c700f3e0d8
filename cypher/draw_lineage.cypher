// Draw the lineage of a coalition
// Group: drawings for Neo4j Browser
// Answers: Where a coalition comes from and what becomes of it, as paths.
// $coalition (string, required, example "demo/pas.exact/L11/C0003"): the coalition in the middle.
// $steps (integer >= 1, optional, default 3): at most so many layer steps to either side.
// $paths (integer >= 1, optional, default 1000): at most so many paths to either side, the nearest first; where coalitions split and merge often there may be more.
// Empty: no event leads to it or away from it
// column path: from the coalition back to an ancestor, or on to a descendant
MATCH (c:Coalition {id: $coalition})-[:FOUND_IN]->(r:Run {status: 'complete'})
UNWIND reverse([l IN r.layers WHERE l < c.layer])[..$steps] AS bound
// One length after the other, each no longer than the bound, so that the walk ends where there are enough paths.
MATCH path = (c) ((b:Coalition)<-[:PERSISTS_AS|SPLITS_INTO|MERGES_INTO]-(a:Coalition) WHERE a.layer >= bound){1,128} (d:Coalition)
WHERE d.layer = bound
RETURN path
LIMIT $paths
UNION
MATCH (c:Coalition {id: $coalition})-[:FOUND_IN]->(r:Run {status: 'complete'})
UNWIND [l IN r.layers WHERE l > c.layer][..$steps] AS bound
// One length after the other, each no longer than the bound, so that the walk ends where there are enough paths.
MATCH path = (c) ((a:Coalition)-[:PERSISTS_AS|SPLITS_INTO|MERGES_INTO]->(b:Coalition) WHERE b.layer <= bound){1,128} (d:Coalition)
WHERE d.layer = bound
RETURN path
LIMIT $paths
