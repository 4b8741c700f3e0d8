// Write the strongest valuations of each neuron of one layer
// $part (string, required, example "demo/pas/L07/preferences"): the part being loaded
// $fingerprint (string, required, example "3f2a"): of its content
// $batch (integer, required, example 1000): rows in a batch, the same for all batches of a part
// $number (integer, required, example 1): which batch of the part this is; it is written only right after the one before it
// $analysis (string, required, example "demo"): the analysis that valued the pairs
// $valuation (string, required, example "pas"): pas, oca, ...
// $prefix (string, required, example "smollm2+3f2a/L07/"): what the neurons' keys begin with
// $neuron (list, required, example ["N00000"]): the rest of each neuron's key
// $other (list, required, example ["N00001"]): the rest of the key of the one it values
// $rank (list, required, example [1]): 1 is the strongest
// $phi (list, required, example [0.5]): the valuation
// column written: number of edges written now
MATCH (p:Part {id: $part})
// Writing what is there already takes the lock, so that of two loaders only one writes this batch.
SET p.kind = 'preferences'
WITH p
WHERE p.status = 'loading' AND p.fingerprint = $fingerprint AND p.batch = $batch AND p.step = $number - 1
SET p.step = $number
WITH p
UNWIND range(0, size($neuron) - 1) AS i
MATCH (n:Neuron {id: $prefix + $neuron[i]})
MATCH (o:Neuron {id: $prefix + $other[i]})
CREATE (n)-[e:PREFERS {analysis: $analysis, valuation: $valuation, rank: $rank[i], phi: $phi[i]}]->(o)
RETURN count(e) AS written
