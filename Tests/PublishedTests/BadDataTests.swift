import Files
import SystemPackage
import TestSupport
import Testing

@testable import Published

@Suite struct BadDataTests {
    private static func table(
        name: String = "t", role: String = "table", column: String = "c", extra: String = ""
    ) -> String {
        """
        { "name": "\(name)", "title": "", "work": "w", "role": "\(role)", "sourceTable": "s", "source": "s",
          "metrics": ["accuracy"], "attributes": {}, \(extra)
          "columns": { "c": { "label": "C", "attributes": {} } },
          "rows": { "r": { "label": "R", "attributes": {}, "cells": { "\(column)": { "accuracy": 1 } } } } }
        """
    }

    @Test(arguments: [
        (table(name: "u"), "t.json:1:11: The table's name isn't that of its file, \"t\"."),
        (table(role: "tabel"), "\"role\" of this file should be one of \"table\", \"figure\""),
        (table(column: "d"), "There is no column \"d\". There are c."),
        (table(extra: "\"note\": 1,"), "t.json:2:46: This file has no key \"note\"."),
        ("{ \"name\": \"t\" }", "t.json:1:1: This file lacks the key \"title\"."),
        ("[]", "This file should be an object; this is an empty list."),
        ("{ \"name\": \"t\"", "t.json:1:"),
    ]) func mistakesAreNamedWithTheirPlace(text: String, message: String) throws {
        let scratch = try ScratchFolder()
        let file = scratch.path.appending("t.json")
        try FileSystem.writeAtomically(text, to: file)
        #expect {
            try PublishedTable(file: file)
        } throws: { error in
            "\(error)".contains(message)
        }
    }

    @Test(arguments: [
        ("\"A\": { \"problems\": 0, \"reason\": \"\" }", "", "at least 1"),
        ("", "\"TPF\": { \"noise\": \"mean\", \"reason\": \"\", \"tolerance\": -1 }", "greater than 0"),
        ("", "\"TPF\": { \"noise\": \"gauss\", \"reason\": \"\" }", "\"binomial\", \"mean\""),
    ]) func badTolerancesAreRefused(benchmark: String, metric: String, message: String) throws {
        let scratch = try ScratchFolder()
        let file = scratch.path.appending("tolerances.json")
        try FileSystem.writeAtomically(
            "{ \"benchmarks\": {\(benchmark)}, \"tables\": {}, \"metrics\": {\(metric)} }", to: file)
        #expect {
            try Tolerances(file: file)
        } throws: { error in
            "\(error)".contains(message) && "\(error)".contains("tolerances.json:1:")
        }
    }
}
