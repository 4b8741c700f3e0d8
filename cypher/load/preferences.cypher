// Write each neuron's strongest valuations; those that are there stay as they are
// $analysis (string, required, example "demo"): the analysis that valued the pairs
// $valuation (string, required, example "pas"): pas or oca
// $rows (list, required, example [{"source": "m/L07/N00000", "target": "m/L07/N00001", "rank": 1, "phi": 0.5}]): one map an edge
// column written: number of edges that are there now
UNWIND $rows AS row
MATCH (a:Neuron {id: row.source})
MATCH (b:Neuron {id: row.target})
MERGE (a)-[p:PREFERS {analysis: $analysis, valuation: $valuation, rank: row.rank}]->(b)
SET p.phi = row.phi
RETURN count(p) AS written
