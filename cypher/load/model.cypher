// Write the model
// $id (string, required, example "smollm2+3f2a"): the model's key
// $properties (map, required, example {"name": "smollm2"}): its other properties
// column written: 1
MERGE (m:Model {id: $id})
SET m += $properties
RETURN count(m) AS written
