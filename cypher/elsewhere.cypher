// A coalition's neurons in other runs
// Group: between runs
// Answers: In which coalitions of other runs are a coalition's neurons?
// $coalition (string, required, example "demo/pas.exact/L11/C0003"): the coalition.
// $share (float, optional, default 0.1): only coalitions that have at least this share of its neurons.
// Empty: no other run of the same base model and layer has so large a share of its neurons in one coalition
// column run: another run of the same base model
// column coalition: a coalition of it
// column size: number of its members
// column shared: number of neurons in both
// column share: shared over the size of the coalition that was asked about
// column jaccard: shared over the neurons in either
// column fate: what becomes of it
MATCH (c:Coalition {id: $coalition})-[:FOUND_IN]->(:Run {status: 'complete'})
MATCH (c)<-[:MEMBER_OF]-(:Neuron)-[:MEMBER_OF]->(d:Coalition)
WITH c, d, count(*) AS shared
WHERE shared >= $share * c.size AND d.run <> c.run
MATCH (d)-[:FOUND_IN]->(r:Run {status: 'complete'})
RETURN r.id AS run, d.id AS coalition, d.size AS size, shared, 1.0 * shared / c.size AS share,
       1.0 * shared / (c.size + d.size - shared) AS jaccard, d.fate AS fate
ORDER BY run, shared DESC, coalition
UNION ALL
// Runs of another adapter on the same base model have neurons of their own, at the same places.
MATCH (c:Coalition {id: $coalition})-[:FOUND_IN]->(:Run {status: 'complete'})-[:ANALYSES]->(m:Model)
MATCH (w:Model {name: m.name})
WHERE w.id <> m.id
MATCH (c)<-[:MEMBER_OF]-(n:Neuron)
MATCH (o:Neuron {id: w.id + substring(n.id, size(n.model))})-[:MEMBER_OF]->(d:Coalition)
WITH c, d, count(*) AS shared
WHERE shared >= $share * c.size
MATCH (d)-[:FOUND_IN]->(r:Run {status: 'complete'})
RETURN r.id AS run, d.id AS coalition, d.size AS size, shared, 1.0 * shared / c.size AS share,
       1.0 * shared / (c.size + d.size - shared) AS jaccard, d.fate AS fate
ORDER BY run, shared DESC, coalition
