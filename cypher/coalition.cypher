// One coalition
// Group: coalitions
// Answers: Who is in a coalition, and whom in it does each value most?
// $coalition (string, required, example "demo/pas.exact/L11/C0003"): the coalition.
// $members (integer >= 1, optional, default 50): at most so many, those that like it most.
// Empty: it has no members
// column coalition: the coalition
// column size: number of its members
// column origin: how it came about
// column fate: what becomes of it
// column neuron: index of a member
// column utility: how much the member likes the coalition; those that like it most come first
// column partner: the other member that it values most, if one is among its strongest valuations in the layer
// column phi: how much
MATCH (c:Coalition {id: $coalition})-[:FOUND_IN]->(r:Run {status: 'complete'})
MATCH (n:Neuron)-[m:MEMBER_OF]->(c)
WITH r, c, n, m
ORDER BY m.utility DESC, n.index
LIMIT $members
OPTIONAL MATCH (n)-[p:PREFERS {analysis: r.analysis, valuation: r.valuation}]->(o:Neuron)-[:MEMBER_OF]->(c)
WITH c, n, m, p, o
ORDER BY p.rank
WITH c, n, m, head(collect({partner: o.index, phi: p.phi})) AS best
RETURN c.id AS coalition, c.size AS size, c.origin AS origin, c.fate AS fate, n.index AS neuron, m.utility AS utility,
       best.partner AS partner, best.phi AS phi
ORDER BY utility DESC, neuron
