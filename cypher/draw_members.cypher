// Draw the members of a coalition
// Group: drawings for Neo4j Browser
// Answers: Who is in a coalition, and who in it prefers whom, as paths.
// $coalition (string, required, example "demo/pas.exact/L11/C0003"): the coalition.
// $members (integer >= 1, optional, default 50): at most so many, those that like it most.
// Empty: it has no members
// column member: the neuron and the coalition
// column preference: the neuron and another member that it prefers; empty where it prefers none of them
MATCH (c:Coalition {id: $coalition})-[:FOUND_IN]->(r:Run {status: 'complete'})
MATCH (n:Neuron)-[m:MEMBER_OF]->(c)
WITH r, c, n, m.utility AS utility, n.index AS place
ORDER BY utility DESC, place
LIMIT $members
// Paths only of those that are drawn: a coalition can have thousands of members.
MATCH member = (n)-[:MEMBER_OF]->(c)
OPTIONAL MATCH preference = (n)-[p:PREFERS {analysis: r.analysis, valuation: r.valuation}]->(:Neuron)-[:MEMBER_OF]->(c)
RETURN member, preference
ORDER BY utility DESC, place, p.rank
