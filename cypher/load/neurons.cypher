// Write neurons of one layer
// $part (string, required, example "smollm2+3f2a/L07/neurons"): the part being loaded
// $fingerprint (string, required, example "3f2a"): of its content
// $batch (integer, required, example 1000): rows in a batch, the same for all batches of a part
// $number (integer, required, example 1): which batch of the part this is; it is written only right after the one before it
// $model (string, required, example "smollm2+3f2a"): their model's key
// $layer (integer, required, example 7): their layer
// $prefix (string, required, example "smollm2+3f2a/L07/"): what their keys begin with
// $neuron (list, required, example ["N00000"]): the rest of each one's key
// $index (list, required, example [0]): place of each in the layer
// column written: number of neurons written now
MATCH (p:Part {id: $part})
// Writing what is there already takes the lock, so that of two loaders only one writes this batch.
SET p.kind = 'neurons'
WITH p
WHERE p.status = 'loading' AND p.fingerprint = $fingerprint AND p.batch = $batch AND p.step = $number - 1
SET p.step = $number
WITH p
UNWIND range(0, size($neuron) - 1) AS i
CREATE (n:Neuron {id: $prefix + $neuron[i], model: $model, layer: $layer, index: $index[i]})
RETURN count(n) AS written
