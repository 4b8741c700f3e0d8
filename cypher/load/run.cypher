// Begin to load a run, with its model and the parts it consists of and needs; what is there stays as it is
// $model (string, required, example "smollm2+3f2a"): the model's key
// $about (map, required, example {"name": "smollm2"}): the model's other properties
// $run (string, required, example "demo/pas.exact"): the run's key
// $analysis (string, required, example "demo"): its analysis
// $properties (map, required, example {"fingerprint": "3f2a", "keep": 20}): its other properties
// $batch (integer, required, example 1000): rows in a batch
// $parts (list, required, example [{"id": "smollm2+3f2a/L07/neurons", "kind": "neurons", "fingerprint": "1536"}]): the parts
// column part: a part; no row where the run is complete, being deleted or of other content
// column status: loading, complete or deleting
// column fingerprint: of its content
// column step: number of batches loaded
// column batch: rows in a batch
// column rows: rows of the table, once it is complete
MERGE (m:Model {id: $model})
ON CREATE SET m += $about
MERGE (r:Run {id: $run})
ON CREATE SET r += $properties, r.status = 'loading'
// Writing what is there already takes the lock, here and below: a delete either sees this run or is seen by it.
SET r.analysis = $analysis
WITH m, r
WHERE r.status = 'loading' AND r.fingerprint = $properties.fingerprint AND r.keep = $properties.keep
MERGE (r)-[:ANALYSES]->(m)
WITH r
UNWIND $parts AS part
MERGE (p:Part {id: part.id})
ON CREATE SET p.status = 'loading', p.fingerprint = part.fingerprint, p.step = 0, p.batch = $batch
SET p.kind = part.kind
RETURN p.id AS part, p.status AS status, p.fingerprint AS fingerprint, p.step AS step, p.batch AS batch, p.rows AS rows
