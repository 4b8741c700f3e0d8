// One coalition
// Answers: who is in a coalition, which pairs in it are strongest, and what becomes of it?
// $coalition (string, required, example "demo/pas.exact/L11/C0003"): the coalition.
// Empty: it has no members
// column coalition: the coalition
// column size: number of its members
// column origin: how it came about
// column fate: what becomes of it
// column neuron: index of a member; those with the strongest partner come first
// column utility: how much the member likes the coalition
// column partner: the other member that it values most, if one is among its strongest valuations in the layer
// column phi: how much
MATCH (c:Coalition {id: $coalition})-[:FOUND_IN]->(r:Run {status: 'complete'})
MATCH (n:Neuron)-[m:MEMBER_OF]->(c)
OPTIONAL MATCH (n)-[p:PREFERS {analysis: r.analysis, valuation: r.valuation}]->(o:Neuron)-[:MEMBER_OF]->(c)
WITH c, n, m, p, o
ORDER BY n.index, p.rank
WITH c, n, m, collect({partner: o.index, phi: p.phi}) AS partners
WITH c, n, m, head(partners) AS best
RETURN c.id AS coalition, c.size AS size, c.origin AS origin, c.fate AS fate, n.index AS neuron, m.utility AS utility,
       best.partner AS partner, best.phi AS phi
ORDER BY phi IS NULL, phi DESC, neuron
