// Say that the neurons of a layer are being deleted, where no run uses them
// $part (string, required, example "smollm2+3f2a/L07/neurons"): the part
// $model (string, required, example "smollm2+3f2a"): their model
// $layer (integer, required, example 7): their layer
// column claimed: 1, or 0 where a run uses them
MATCH (p:Part {id: $part})
// Writing what is there already takes the lock: a run that begins now either is seen here or sees this.
SET p.kind = 'neurons'
WITH p
WHERE COUNT { MATCH (r:Run)-[:ANALYSES]->(:Model {id: $model}) WHERE r.status <> 'deleting' AND $layer IN r.layers } = 0
SET p.step = CASE p.status WHEN 'deleting' THEN p.step ELSE 0 END, p.status = 'deleting'
RETURN count(p) AS claimed
