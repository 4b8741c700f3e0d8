// What there is to delete of a run
// $run (string, required, example "demo/pas.exact"): the run
// column coalition: a coalition
// column edges: number of its relationships
// column alignments: how many of them lead to features
MATCH (:Run {id: $run})<-[:FOUND_IN]-(c:Coalition)
RETURN c.id AS coalition, COUNT { (c)--() } AS edges, COUNT { (c)-[:ALIGNS_WITH]->() } AS alignments
