// Write preferences, as the plain loader does
// $analysis (string, required, example "bench"): the analysis that valued the pairs
// $valuation (string, required, example "pas"): pas or oca
// $rows (list, required, example [{"source": "m/L07/N00000", "target": "m/L07/N00001", "properties": {"rank": 1, "phi": 0.5}}]): one map an edge
// column written: number of edges that are there now
UNWIND $rows AS row
MATCH (a:Neuron {id: row.source})
MATCH (b:Neuron {id: row.target})
MERGE (a)-[p:PREFERS {analysis: $analysis, valuation: $valuation, rank: row.properties.rank}]->(b)
SET p.phi = row.properties.phi
RETURN count(p) AS written
