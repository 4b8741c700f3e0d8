// Draw what a coalition feeds
// Group: drawings for Neo4j Browser
// Answers: What feeds a coalition and what it feeds, as paths.
// $coalition (string, required, example "demo/pas.exact/L11/C0003"): the coalition in the middle.
// $z (float, optional, default 3.0): how many standard deviations are beyond chance.
// Empty: no edge to it or away from it is that far beyond chance
// column path: the two coalitions and the flow between them, in its direction
MATCH (c:Coalition {id: $coalition})-[:FOUND_IN]->(:Run {status: 'complete'})
MATCH path = (c)-[i:INTERACTS]-(:Coalition)
WHERE i.z >= $z
RETURN path
ORDER BY i.z DESC
