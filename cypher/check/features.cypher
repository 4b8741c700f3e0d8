// How many of some features are in the graph, and stay when some runs go?
// $features (list, required, example ["overlap"]): their names
// $going (list, required, example ["demo/pas.exact"]): the runs
// column present: number of them
UNWIND $features AS name
MATCH (f:Feature {name: name})
WHERE NOT EXISTS { MATCH (f)<-[:ALIGNS_WITH]-(c:Coalition) WHERE c.run IN $going }
   OR EXISTS { MATCH (f)<-[:ALIGNS_WITH]-(c:Coalition) WHERE NOT c.run IN $going }
RETURN count(f) AS present
