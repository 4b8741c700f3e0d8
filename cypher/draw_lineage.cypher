// Draw the lineage of a coalition
// Answers: where does a coalition come from, and what becomes of it? As paths, which Neo4j Browser draws.
// $coalition (string, required, example "demo/pas.exact/L11/C0003"): the coalition in the middle.
// $steps (integer, optional, default 3): at most so many layer steps to either side.
// Empty: no event leads to it or away from it
// column path: from an ancestor to the coalition, or from the coalition to a descendant
MATCH (c:Coalition {id: $coalition})-[:FOUND_IN]->(:Run {status: 'complete'})
MATCH path = (:Coalition)-[:PERSISTS_AS|SPLITS_INTO|MERGES_INTO*1..64]->(c)
WHERE length(path) <= $steps
RETURN path
UNION
MATCH (c:Coalition {id: $coalition})-[:FOUND_IN]->(:Run {status: 'complete'})
MATCH path = (c)-[:PERSISTS_AS|SPLITS_INTO|MERGES_INTO*1..64]->(:Coalition)
WHERE length(path) <= $steps
RETURN path
