// Delete a model that no run looked at any more
// $model (string, required, example "smollm2+3f2a"): the model
// $neurons (integer, required, example 1536): its neurons in a layer
// column deleted: 1, or 0 where a run uses it
MATCH (m:Model {id: $model})
// Writing what is there already takes the lock: no run begins to use it while this looks.
SET m.d_ff = $neurons
WITH m
WHERE NOT (m)--()
DELETE m
RETURN count(*) AS deleted
