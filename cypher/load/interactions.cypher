// Write interaction edges of a run that is loading
// $run (string, required, example "demo/pas.exact"): the run being loaded
// $number (integer, required, example 1): which batch of the run this is; a batch is written only right after the one before it
// $batch (integer, required, example 1000): rows in a batch, the same for all batches of a run
// $rows (list, required, example [{"source": "r/L07/C0000", "target": "r/L08/C0003", "mass": 0.1}]): one map an edge
// column written: number of edges written now
MATCH (r:Run {id: $run})
// Writing what is there already takes the lock, so that of two loaders only one writes this batch.
SET r.load_rows = $batch
WITH r WHERE r.load_step = $number - 1 AND r.status = 'loading'
SET r.load_step = $number
WITH r
UNWIND $rows AS row
MATCH (s:Coalition {id: row.source})
MATCH (t:Coalition {id: row.target})
CREATE (s)-[i:INTERACTS {
  mass: row.mass, flow: row.flow, alpha: row.alpha, beta: row.beta, lift: row.lift, z: row.z, matched: row.matched
}]->(t)
RETURN count(i) AS written
