// Write memberships of a run that is loading
// $run (string, required, example "demo/pas.exact"): the run being loaded
// $number (integer, required, example 1): which batch of the run this is; a batch is written only right after the one before it
// $batch (integer, required, example 1000): rows in a batch, the same for all batches of a run
// $rows (list, required, example [{"neuron": "m/L07/N00000", "coalition": "demo/pas.exact/L07/C0000", "utility": 0.5}]): one map a membership
// column written: number of memberships written now
MATCH (r:Run {id: $run})
// Writing what is there already takes the lock, so that of two loaders only one writes this batch.
SET r.load_rows = $batch
WITH r WHERE r.load_step = $number - 1 AND r.status = 'loading'
SET r.load_step = $number
WITH r
UNWIND $rows AS row
MATCH (n:Neuron {id: row.neuron})
MATCH (c:Coalition {id: row.coalition})
CREATE (n)-[m:MEMBER_OF {utility: row.utility}]->(c)
RETURN count(m) AS written
