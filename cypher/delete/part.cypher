// Delete a part of which nothing is left
// $part (string, required, example "smollm2+3f2a/L07/neurons"): the part
// $kind (string, required, example "neurons"): the table it is
// $neurons (integer, required, example 1536): neurons in the layer, all of which must have been gone through
// column deleted: 1, or 0 where something is left or was loaded anew
MATCH (p:Part {id: $part})
// Writing what is there already takes the lock.
SET p.kind = $kind
WITH p
WHERE p.status = 'deleting' AND p.step >= $neurons
DELETE p
RETURN count(*) AS deleted
