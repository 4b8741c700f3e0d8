// Write memberships of one layer
// $part (string, required, example "demo/pas.exact/L07/members"): the part being loaded
// $fingerprint (string, required, example "3f2a"): of its content
// $batch (integer, required, example 1000): rows in a batch, the same for all batches of a part
// $number (integer, required, example 1): which batch of the part this is; it is written only right after the one before it
// $neurons (string, required, example "smollm2+3f2a/L07/"): what the neurons' keys begin with
// $coalitions (string, required, example "demo/pas.exact/L07/"): what the coalitions' keys begin with
// $neuron (list, required, example ["N00000"]): the rest of each neuron's key
// $coalition (list, required, example ["C0000"]): the rest of its coalition's key
// $utility (list, required, example [0.5]): how much it likes it
// column written: number of memberships written now
MATCH (p:Part {id: $part})
// Writing what is there already takes the lock, so that of two loaders only one writes this batch.
SET p.kind = 'members'
WITH p
WHERE p.status = 'loading' AND p.fingerprint = $fingerprint AND p.batch = $batch AND p.step = $number - 1
SET p.step = $number
WITH p
UNWIND range(0, size($neuron) - 1) AS i
MATCH (n:Neuron {id: $neurons + $neuron[i]})
MATCH (c:Coalition {id: $coalitions + $coalition[i]})
CREATE (n)-[m:MEMBER_OF {utility: $utility[i]}]->(c)
RETURN count(m) AS written
