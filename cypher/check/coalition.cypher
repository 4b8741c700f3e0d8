// Is there such a coalition?
// $coalition (string, required, example "demo/pas.exact/L11/C0003"): the coalition
// column coalition: the coalition; no row where there is none
MATCH (c:Coalition {id: $coalition})
RETURN c.id AS coalition
