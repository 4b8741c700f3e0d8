// What the graph has of some parts
// $parts (list, required, example ["smollm2+3f2a/L07/neurons"]): the parts
// column part: one that is there
// column status: loading, complete or deleting
// column fingerprint: of its content
// column step: number of batches loaded, or of rows deleted
// column batch: rows in a batch
// column rows: rows of the table, once it is complete
UNWIND $parts AS id
MATCH (p:Part {id: id})
RETURN p.id AS part, p.status AS status, p.fingerprint AS fingerprint, p.step AS step, p.batch AS batch, p.rows AS rows
