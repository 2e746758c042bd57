/** Check the decoder against the test vectors: `node check.mjs FOLDER`; exit code 1 and a line for each that differs. */

import { readFileSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { isDeepStrictEqual } from 'node:util'
import { MalformedMessage, decode } from './stentor.mjs'

/** The form of the vectors: big integers as text with an n, typed arrays as lists. */
function plain(value) {
  if (typeof value === 'bigint') return `${value}n`
  if (ArrayBuffer.isView(value)) return Array.from(value, plain)
  if (Array.isArray(value)) return value.map(plain)
  if (value !== null && typeof value === 'object') {
    return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, plain(inner)]))
  }
  return value
}

function outcome(parts) {
  try {
    return plain(decode(parts))
  } catch (error) {
    if (error instanceof MalformedMessage) return 'malformed'
    throw error
  }
}

const folder = process.argv[2]
const names = readdirSync(folder).filter((name) => name.endsWith('.json')).sort()
let wrong = 0
for (const name of names) {
  const vector = JSON.parse(readFileSync(join(folder, name), 'utf8'))
  const parts = vector.parts_base64.map((part) => new Uint8Array(Buffer.from(part, 'base64')))
  const got = outcome(parts)
  if (!isDeepStrictEqual(got, vector.expected)) {
    wrong += 1
    console.log(`${name}: got ${JSON.stringify(got)}\nexpected ${JSON.stringify(vector.expected)}`)
  }
}
console.log(`${names.length} vectors, ${wrong} differ`)
process.exitCode = wrong === 0 && names.length > 0 ? 0 : 1
