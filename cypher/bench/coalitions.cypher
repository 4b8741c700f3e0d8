// Write coalitions, as the plain loader does
// $run (string, required, example "bench/pas.pac.0"): the run
// $rows (list, required, example [{"id": "bench/pas.pac.0/L07/C0000", "properties": {"layer": 7}}]): one map a coalition
// column written: number of coalitions that are there now
MATCH (r:Run {id: $run})
UNWIND $rows AS row
MERGE (c:Coalition {id: row.id})
SET c += row.properties
MERGE (c)-[:FOUND_IN]->(r)
RETURN count(c) AS written
