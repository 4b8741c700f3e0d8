// Write the model, as the plain loader does
// $id (string, required, example "bench/model"): the model's key
// $properties (map, required, example {"name": "bench"}): its other properties
// column written: 1
MERGE (m:Model {id: $id})
SET m += $properties
RETURN count(m) AS written
