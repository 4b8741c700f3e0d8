// Write PERSISTS_AS edges, as the plain loader does
// $rows (list, required, example [{"source": "r/L07/C0000", "target": "r/L08/C0003", "properties": {"mass": 0.1}}]): one map an edge
// column written: number of edges that are there now
UNWIND $rows AS row
MATCH (s:Coalition {id: row.source})
MATCH (t:Coalition {id: row.target})
MERGE (s)-[e:PERSISTS_AS]->(t)
SET e += row.properties
RETURN count(e) AS written
