// Delete a model that no run looked at any more
// $model (string, required, example "smollm2+3f2a"): the model
// column deleted: 1, or 0 where a run uses it
MATCH (m:Model {id: $model})
WHERE NOT (m)--()
DELETE m
RETURN count(*) AS deleted
