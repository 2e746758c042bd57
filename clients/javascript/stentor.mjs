/**
 * Stentor messages: decode what a daemon publishes (docs/wire.md). No dependencies; browsers, Node and Deno.
 *
 *     const { header, findings } = decode(parts)   // parts: Uint8Array[], as ZeroMQ delivered them
 *     findings.objects.columns.x_px                // Float32Array
 *     findings.labels.data                         // Int32Array, rows * columns, row by row
 */

export const SCHEMA_VERSION = 1

/** A message that does not follow the schema. */
export class MalformedMessage extends Error {}

const ARRAYS = {
  bool: Uint8Array, int8: Int8Array, uint8: Uint8Array, int16: Int16Array, uint16: Uint16Array,
  int32: Int32Array, uint32: Uint32Array, int64: BigInt64Array, uint64: BigUint64Array,
  float32: Float32Array, float64: Float64Array, float16: Uint16Array, // float16 as raw bits: few engines have it
}
const OUTCOMES = new Set(['result', 'late'])

/**
 * Return the header and, of a result, its findings by name: `{kind: 'objects', columns, length}`,
 * `{kind: 'labels' | 'image', data, shape, dtype, unit, step}` or `{kind: 'score', value, unit}`.
 * Integers beyond 2^53 (wall time in ns) are BigInt.
 */
export function decode(parts) {
  if (parts.length < 2) throw new MalformedMessage(`a message has at least 2 parts, not ${parts.length}`)
  const header = readMsgpack(parts[1])
  if (header === null || typeof header !== 'object' || Array.isArray(header)) {
    throw new MalformedMessage('the header is no map')
  }
  if (header.schema !== undefined && header.schema !== SCHEMA_VERSION) {
    throw new MalformedMessage(`schema ${header.schema}, this client reads ${SCHEMA_VERSION}; upgrade the older side`)
  }
  if (header.type === 'event') return { header, findings: {} }
  if (header.type !== 'result' || !OUTCOMES.has(header.outcome)) {
    throw new MalformedMessage(`neither a result nor an event: ${header.type} ${header.outcome}`)
  }
  const described = header.parts ?? []
  if (described.length !== parts.length - 2) {
    throw new MalformedMessage(`the header promises ${described.length} arrays, ${parts.length - 2} came`)
  }
  return { header, findings: joinFindings(header, described, parts.slice(2)) }
}

function joinFindings(header, described, raws) {
  const findings = {}
  for (const [name, score] of Object.entries(header.scores ?? {})) {
    findings[name] = { kind: 'score', value: score.value, unit: score.unit ?? '1' }
  }
  described.forEach((part, index) => {
    const data = readArray(part, raws[index])
    if (part.kind === 'objects') {
      const table = (findings[part.finding] ??= { kind: 'objects', columns: {}, length: data.length })
      if (table.length !== data.length || part.shape.length !== 1) {
        throw new MalformedMessage(`${part.finding}: columns must be 1-D and equally long`)
      }
      table.columns[part.column] = data
    } else if (part.kind === 'labels' || part.kind === 'image') {
      if (part.kind === 'labels' && part.dtype !== 'int32') throw new MalformedMessage('a label image is int32')
      const { dtype, shape, unit = '', step = 1 } = part
      findings[part.finding] = { kind: part.kind, data, shape, dtype, unit, step }
    } else {
      throw new MalformedMessage(`unknown kind of part ${part.kind}`)
    }
  })
  return findings
}

function readArray(part, raw) {
  const Kind = Object.hasOwn(ARRAYS, part.dtype) ? ARRAYS[part.dtype] : undefined
  const count = part.shape.reduce((product, side) => product * side, 1)
  if (Kind === undefined || !(count * Kind.BYTES_PER_ELEMENT === raw.byteLength)) {
    throw new MalformedMessage(`${part.finding}: ${part.dtype} [${part.shape}] does not fill ${raw.byteLength} bytes`)
  }
  // A copy: the part may begin anywhere in its buffer, typed arrays only at multiples of their element.
  return new Kind(raw.slice().buffer)
}

/** Read one MessagePack object that fills all of `bytes`: maps with text keys, no extension types. */
export function readMsgpack(bytes) {
  const reader = new Reader(bytes)
  try {
    const value = reader.value(0)
    if (reader.at !== bytes.byteLength) throw new MalformedMessage('bytes are left over')
    return value
  } catch (error) {
    if (error instanceof RangeError || error instanceof TypeError) throw new MalformedMessage(`cut off: ${error.message}`)
    throw error
  }
}

const DEEPEST = 32

class Reader {
  constructor(bytes) {
    this.bytes = bytes
    this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
    this.text = new TextDecoder('utf-8', { fatal: true })
    this.at = 0
  }

  value(depth) {
    if (depth > DEEPEST) throw new MalformedMessage('nested too deeply')
    const lead = this.number('getUint8', 1)
    if (lead < 0x80) return lead
    if (lead >= 0xe0) return lead - 0x100
    if (lead < 0x90) return this.map(lead & 0x0f, depth)
    if (lead < 0xa0) return this.list(lead & 0x0f, depth)
    if (lead < 0xc0) return this.string(lead & 0x1f)
    switch (lead) {
      case 0xc0: return null
      case 0xc2: return false
      case 0xc3: return true
      case 0xc4: return this.take(this.number('getUint8', 1))
      case 0xc5: return this.take(this.number('getUint16', 2))
      case 0xc6: return this.take(this.number('getUint32', 4))
      case 0xca: return this.number('getFloat32', 4)
      case 0xcb: return this.number('getFloat64', 8)
      case 0xcc: return this.number('getUint8', 1)
      case 0xcd: return this.number('getUint16', 2)
      case 0xce: return this.number('getUint32', 4)
      case 0xcf: return exact(this.number('getBigUint64', 8))
      case 0xd0: return this.number('getInt8', 1)
      case 0xd1: return this.number('getInt16', 2)
      case 0xd2: return this.number('getInt32', 4)
      case 0xd3: return exact(this.number('getBigInt64', 8))
      case 0xd9: return this.string(this.number('getUint8', 1))
      case 0xda: return this.string(this.number('getUint16', 2))
      case 0xdb: return this.string(this.number('getUint32', 4))
      case 0xdc: return this.list(this.number('getUint16', 2), depth)
      case 0xdd: return this.list(this.number('getUint32', 4), depth)
      case 0xde: return this.map(this.number('getUint16', 2), depth)
      case 0xdf: return this.map(this.number('getUint32', 4), depth)
      default: throw new MalformedMessage(`MessagePack type 0x${lead.toString(16)} is not used here`)
    }
  }

  number(getter, size) {
    const value = this.view[getter](this.at)
    this.at += size
    return value
  }

  take(length) {
    if (this.at + length > this.bytes.byteLength) throw new RangeError(`${length} bytes promised`)
    this.at += length
    return this.bytes.subarray(this.at - length, this.at)
  }

  string(length) {
    return this.text.decode(this.take(length))
  }

  list(length, depth) {
    if (length > this.bytes.byteLength) throw new RangeError(`${length} entries promised`)
    return Array.from({ length }, () => this.value(depth + 1))
  }

  map(length, depth) {
    if (length > this.bytes.byteLength) throw new RangeError(`${length} entries promised`)
    const entries = []
    for (let index = 0; index < length; index += 1) {
      const key = this.value(depth + 1)
      if (typeof key !== 'string') throw new MalformedMessage('a key is no text')
      entries.push([key, this.value(depth + 1)])
    }
    return Object.fromEntries(entries)
  }
}

function exact(big) {
  return big >= Number.MIN_SAFE_INTEGER && big <= Number.MAX_SAFE_INTEGER ? Number(big) : big
}
