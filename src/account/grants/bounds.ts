/** How many grants a person can have. One more ends the least recently used one. */
const MOST_GRANTS = 1000;
/** How many rotations of a grant are stored: three months with one each half hour. */
const MOST_ROTATIONS = 5000;

/** The ids of the grants that have to end before a person makes one more. */
export function grantsTooMany(sql: SqlStorage): string[] {
  const query = `SELECT grants.id FROM grants JOIN codes ON codes.grant_id = grants.id
    ORDER BY IFNULL(grants.last_used_at, grants.created_at) DESC LIMIT -1 OFFSET ${MOST_GRANTS - 1}`;
  return sql
    .exec<{ id: string }>(query)
    .toArray()
    .map(({ id }) => id);
}

/** Deletes the oldest rotations of a grant. Such an old refresh token is then unknown instead of replayed. */
export function forgetOldRotations(sql: SqlStorage, grantId: string): void {
  const older = `SELECT hash FROM rotations WHERE grant_id = ?1 ORDER BY rotated_at DESC
    LIMIT -1 OFFSET ${MOST_ROTATIONS}`;
  sql.exec(`DELETE FROM rotations WHERE hash IN (${older})`, grantId);
}
