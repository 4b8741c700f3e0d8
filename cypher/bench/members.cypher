// Write memberships, as the plain loader does
// $rows (list, required, example [{"source": "m/L07/N00000", "target": "r/L07/C0000", "properties": {"utility": 0.5}}]): one map a membership
// column written: number of memberships that are there now
UNWIND $rows AS row
MATCH (n:Neuron {id: row.source})
MATCH (c:Coalition {id: row.target})
MERGE (n)-[m:MEMBER_OF]->(c)
SET m += row.properties
RETURN count(m) AS written
