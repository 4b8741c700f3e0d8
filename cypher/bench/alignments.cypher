// Write features and alignments with them, as the plain loader does
// $rows (list, required, example [{"source": "r/L07/C0000", "target": "bench/feature 0", "properties": {"family": "length", "r2": 0.1}}]): one map an alignment
// column written: number of alignments that are there now
UNWIND $rows AS row
MATCH (c:Coalition {id: row.source})
MERGE (f:Feature {name: row.target})
SET f.family = row.properties.family
MERGE (c)-[a:ALIGNS_WITH]->(f)
SET a.r2 = row.properties.r2
RETURN count(a) AS written
