// Write neurons; those that are there stay as they are
// $model (string, required, example "smollm2+3f2a"): their model's key
// $rows (list, required, example [{"id": "smollm2+3f2a/L07/N00000", "layer": 7, "index": 0}]): one map a neuron
// column written: number of neurons that are there now
UNWIND $rows AS row
MERGE (n:Neuron {id: row.id})
SET n.model = $model, n.layer = row.layer, n.index = row.index
RETURN count(n) AS written
