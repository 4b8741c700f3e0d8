// Write the run, as one whose load begins; one that is there stays as it is
// $id (string, required, example "demo/pas.exact"): the run's key
// $model (string, required, example "smollm2+3f2a"): its model's key
// $properties (map, required, example {"status": "loading", "load_step": 0}): its other properties
// column written: 1
MATCH (m:Model {id: $model})
MERGE (r:Run {id: $id})
ON CREATE SET r += $properties
MERGE (r)-[:ANALYSES]->(m)
RETURN count(r) AS written
