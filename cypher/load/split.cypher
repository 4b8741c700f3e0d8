// Write SPLITS_INTO edges from one layer to the next
// $part (string, required, example "demo/pas.exact/L07/interactions"): the part being loaded
// $fingerprint (string, required, example "3f2a"): of its content
// $batch (integer, required, example 1000): rows in a batch, the same for all batches of a part
// $number (integer, required, example 1): which batch of the part this is; it is written only right after the one before it
// $sources (string, required, example "demo/pas.exact/L07/"): what the sources' keys begin with
// $targets (string, required, example "demo/pas.exact/L08/"): what the targets' keys begin with
// $source (list, required, example ["C0000"]): the rest of each source's key
// $target (list, required, example ["C0003"]): the rest of each target's key
// $mass (list, required, example [0.1]): interaction mass
// $alpha (list, required, example [0.8]): share of what the source gives
// $beta (list, required, example [0.9]): share of what the target gets
// $lift (list, required, example [2.0]): flow over expected flow
// $z (list, required, example [4.5]): distance from random neurons
// column written: number of edges written now
MATCH (p:Part {id: $part})
// Writing what is there already takes the lock, so that of two loaders only one writes this batch.
SET p.kind = 'interactions'
WITH p
WHERE p.status = 'loading' AND p.fingerprint = $fingerprint AND p.batch = $batch AND p.step = $number - 1
SET p.step = $number
WITH p
UNWIND range(0, size($source) - 1) AS i
MATCH (s:Coalition {id: $sources + $source[i]})
MATCH (t:Coalition {id: $targets + $target[i]})
CREATE (s)-[e:SPLITS_INTO {
  mass: $mass[i], alpha: $alpha[i], beta: $beta[i], lift: $lift[i], z: $z[i]
}]->(t)
RETURN count(e) AS written
