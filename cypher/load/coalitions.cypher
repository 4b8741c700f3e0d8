// Write coalitions of a run that is loading
// $run (string, required, example "demo/pas.exact"): the run being loaded
// $number (integer, required, example 1): which batch of the run this is; a batch is written only right after the one before it
// $batch (integer, required, example 1000): rows in a batch, the same for all batches of a run
// $rows (list, required, example [{"id": "demo/pas.exact/L07/C0000", "properties": {"layer": 7}}]): one map a coalition
// column written: number of coalitions written now
MATCH (r:Run {id: $run})
// Writing what is there already takes the lock, so that of two loaders only one writes this batch.
SET r.load_rows = $batch
WITH r WHERE r.load_step = $number - 1 AND r.status = 'loading'
SET r.load_step = $number
WITH r
UNWIND $rows AS row
CREATE (c:Coalition {id: row.id})
SET c += row.properties
CREATE (c)-[:FOUND_IN]->(r)
RETURN count(c) AS written
