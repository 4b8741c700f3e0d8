// Write neurons, as the plain loader does
// $rows (list, required, example [{"id": "bench/model/L07/N00000", "properties": {"layer": 7, "index": 0}}]): one map a neuron
// column written: number of neurons that are there now
UNWIND $rows AS row
MERGE (n:Neuron {id: row.id})
SET n += row.properties
RETURN count(n) AS written
