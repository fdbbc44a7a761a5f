// The Swift side of compare.py: encodes the texts of a file when it is told to.
//
//     tokenizer-bench TOKENIZER.json TEXTS.json
//
// Reads commands from standard input and answers each with one line on standard output:
//     encode        encodes every text once; the seconds that took, and the number of tokens
//     dump PATH     writes a line of JSON per text: ids, ids with special tokens, tokens, byte ranges
//     decode IN OUT reads lines of ids, writes lines of decoded text, with and without special tokens

import JSON
import SystemPackage
import Tokenizers

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

func read(_ path: String) throws -> [UInt8] {
    let file = try FileDescriptor.open(FilePath(path), .readOnly)
    defer { try? file.close() }
    var bytes: [UInt8] = []
    while true {
        let part = try [UInt8](unsafeUninitializedCapacity: 1 << 20) { buffer, count in
            count = try file.read(into: UnsafeMutableRawBufferPointer(buffer))
        }
        if part.isEmpty { return bytes }
        bytes += part
    }
}

func write(_ values: [JSONValue], to path: String) throws {
    let file = try FileDescriptor.open(
        FilePath(path), .writeOnly, options: [.create, .truncate], permissions: .ownerReadWrite)
    defer { try? file.close() }
    for value in values { try file.writeAll(value.compactBytes() + "\n".utf8) }
}

func integers(_ values: [Int]) -> JSONValue { .array(values.map { .integer($0) }) }

guard CommandLine.arguments.count == 3 else {
    print("usage: tokenizer-bench TOKENIZER.json TEXTS.json")
    exit(64)
}
let clock = ContinuousClock()
let (path, textsPath) = (CommandLine.arguments[1], CommandLine.arguments[2])
let texts = try JSONDocument(parsing: read(textsPath), name: textsPath).root.array?.compactMap(\.string) ?? []
let begin = clock.now
let tokenizer = try ByteLevelTokenizer(
    tokenizer: JSONDocument(parsing: read(path), name: path), configuration: nil)
print("ready", clock.now - begin)
fflush(nil)

while let line = readLine() {
    let words = line.split(separator: " ").map(String.init)
    switch (words.first, words.count) {
    case ("encode", 1):
        var tokens = 0
        let start = clock.now
        for text in texts { tokens += try tokenizer.encode(text: text, addSpecialTokens: false).count }
        let duration = clock.now - start
        print(Double(duration.components.seconds) + Double(duration.components.attoseconds) / 1e18, tokens)
    case ("dump", 2):
        try write(
            texts.map { text in
                let found = try tokenizer.tokenize(text: text)
                return [
                    "ids": integers(try tokenizer.encode(text: text, addSpecialTokens: false)),
                    "special": integers(try tokenizer.encode(text: text)),
                    "tokens": integers(found.map(\.id)),
                    "texts": .array(try tokenizer.tokenTexts(text: text).map { .string($0) }),
                    "ranges": .array(
                        found.map { [.integer($0.range.lowerBound), .integer($0.range.upperBound)] }),
                ]
            }, to: words[1])
        print("done")
    case ("decode", 3):
        let lists = try JSONDocument(parsing: read(words[1]), name: words[1]).root.array ?? []
        try write(
            lists.map { list in
                let ids = (list.array ?? []).compactMap(\.int)
                var stream = StreamingDetokenizer(tokenizer)
                let parts = ids.map { stream.append($0) } + [stream.finish()]
                return [
                    .string(tokenizer.decode(tokenIds: ids)),
                    .string(tokenizer.decode(tokenIds: ids, skipSpecialTokens: true)),
                    .array(parts.map { .string($0) }),
                ]
            }, to: words[2])
        print("done")
    default: print("unknown command")
    }
    fflush(nil)
}
