// Delete the preferences of some neurons of a layer
// $part (string, required, example "demo/pas/L07/preferences"): the part
// $first (integer, required, example 0): neurons of the layer that were gone through before
// $prefix (string, required, example "smollm2+3f2a/L07/"): what the neurons' keys begin with
// $neurons (list, required, example ["N00000"]): the rest of each one's key
// $analysis (string, required, example "demo"): their analysis
// $valuation (string, required, example "pas"): their valuation
// column deleted: number of edges deleted
MATCH (p:Part {id: $part})
// Writing what is there already takes the lock: the part is not loaded anew while this deletes.
SET p.kind = 'preferences'
WITH p
WHERE p.status = 'deleting' AND p.step = $first
SET p.step = $first + size($neurons)
WITH p
UNWIND $neurons AS id
MATCH (:Neuron {id: $prefix + id})-[e:PREFERS {analysis: $analysis, valuation: $valuation}]->(:Neuron)
DELETE e
RETURN count(*) AS deleted
