/** better-sqlite3-multiple-ciphers 13 has the API of better-sqlite3, and types that its `exports` hide. */
declare module "better-sqlite3-multiple-ciphers" {
  import Database = require("better-sqlite3")
  export = Database
}
