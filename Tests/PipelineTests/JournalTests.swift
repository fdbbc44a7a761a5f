import Files
import JSON
import SystemPackage
import Testing

@testable import ArtifactStore

@Suite struct JournalTests {
    let folder: TemporaryFolder
    let path: FilePath

    init() throws {
        folder = try TemporaryFolder()
        path = folder.path.appending("samples.jsonl")
    }

    func write(_ lines: String...) throws {
        try FileSystem.writeAtomically(lines.joined(separator: "\n"), to: path)
    }

    let header = #"{"journal":1,"fingerprint":"f"}"#

    @Test func recordsComeBackInOrder() throws {
        do {
            let journal = try Journal(path, fingerprint: "f")
            #expect(journal.records.isEmpty)
            try journal.append("b", ["x": 1])
            try journal.append(group: [JournalRecord(2, 0.5), JournalRecord(1, "é\n")])
        }
        let journal = try Journal(path, fingerprint: "f")
        #expect(
            journal.records == [JournalRecord("b", ["x": 1]), JournalRecord(2, 0.5), JournalRecord(1, "é\n")])
        #expect(journal.contains("b") && journal.contains(1) && !journal.contains("1"))
        #expect(
            try FileSystem.readText(path)
                == header + "\n" + #"{"key":"b","value":{"x":1}}"# + "\n" + #"{"key":2,"value":0.5,"more":1}"#
                + "\n"
                + #"{"key":1,"value":"é\n"}"# + "\n")
    }

    @Test func anotherRecipeIsRefused() throws {
        try write(header, #"{"key":1,"value":2}"#, "")
        let error = #expect(throws: JournalError.self) { try Journal(path, fingerprint: "g") }
        #expect(error?.description.contains("belongs to another recipe") == true)
        #expect(try FileSystem.readText(path).hasPrefix(header))
    }

    /// Whatever prefix a kill leaves, the groups that were whole are there, and appending goes on from them.
    @Test func everyTornEndIsCutBackToWholeGroups() throws {
        do {
            let journal = try Journal(path, fingerprint: "f")
            try journal.append(1, "one")
            try journal.append(group: [JournalRecord(2, "two"), JournalRecord(3, "three")])
            try journal.append(4, "four")
        }
        let whole = try FileSystem.read(path)
        for length in 0...whole.count {
            try FileSystem.writeAtomically(whole[..<length], to: path)
            do {
                let journal = try Journal(path, fingerprint: "f")
                #expect([0, 1, 3, 4].contains(journal.count))
                for group in [[1], [2, 3], [4]] where !journal.contains(.integer(group[0])) {
                    let names = ["", "one", "two", "three", "four"]
                    try journal.append(group: group.map { JournalRecord(.integer($0), .string(names[$0])) })
                }
            }
            #expect(try FileSystem.read(path) == whole)
        }
    }

    @Test func aLastLineOfZerosIsDropped() throws {
        try write(header, #"{"key":1,"value":2}"#, "\0\0\0\0\0\n")
        #expect(try Journal(path, fingerprint: "f").count == 1)
    }

    @Test func damageInTheMiddleIsAnError() throws {
        try write(header, #"{"key":1,"valu"#, #"{"key":2,"value":2}"#, "")
        let error = #expect(throws: JournalError.self) { try Journal(path, fingerprint: "f") }
        #expect(error?.description.contains("samples.jsonl:2 is damaged") == true)
        try write(header, #"{"key":1,"value":2}"#, #"{"key":1,"value":2}"#, "")
        #expect(throws: JournalError.self) { try Journal(path, fingerprint: "f") }
        try write("hello", "world", "")
        #expect(throws: JournalError.self) { try Journal(path, fingerprint: "f") }
        try write(#"{"journal":2,"fingerprint":"f"}"#, "")
        #expect(throws: JournalError.self) { try Journal(path, fingerprint: "f") }
    }

    @Test func aRefusedRecordChangesNothing() throws {
        let journal = try Journal(path, fingerprint: "f")
        try journal.append(1, 1)
        let before = try FileSystem.read(path)
        #expect(throws: JournalError.self) { try journal.append(1, 2) }
        #expect(throws: JournalError.self) {
            try journal.append(group: [JournalRecord(2, 2), JournalRecord(2, 3)])
        }
        #expect(throws: JSONWritingError.self) { try journal.append(3, .number(.nan)) }
        #expect(try FileSystem.read(path) == before)
        #expect(journal.count == 1)
    }

    @Test func readingAnArtifactsJournalInsistsThatItIsWhole() throws {
        try write(header, #"{"key":1,"value":2}"#, "")
        #expect(try Journal.read(path) == [JournalRecord(1, 2)])
        try write(header, #"{"key":1,"value":2,"more":1}"#, "")
        #expect(throws: JournalError.self) { try Journal.read(path) }
    }
}
