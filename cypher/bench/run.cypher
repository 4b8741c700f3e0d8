// Write the run, as the plain loader does
// $id (string, required, example "bench/pas.pac.0"): the run's key
// $model (string, required, example "bench/model"): its model's key
// $properties (map, required, example {"status": "loading"}): its other properties
// column written: 1
MATCH (m:Model {id: $model})
MERGE (r:Run {id: $id})
SET r += $properties
MERGE (r)-[:ANALYSES]->(m)
RETURN count(r) AS written
