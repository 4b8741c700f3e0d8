// Delete some neurons of a model that nothing uses any more
// $model (string, required, example "smollm2+3f2a"): the model
// $limit (integer, required, example 1000): at most so many
// column deleted: number of neurons deleted; 0 when none is left
MATCH (n:Neuron {model: $model})
WHERE NOT (n)--()
WITH n LIMIT $limit
DELETE n
RETURN count(*) AS deleted
