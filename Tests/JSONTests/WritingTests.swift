import JSON
import Testing

@Suite struct WritingTests {
    let value: JSONValue = [
        "b": [1, 2.5, nil], "a": ["x": true, "é": "\"\\\n\u{1}"], "empty": [], "none": .object([:]),
        "rows": [[1], [2]],
    ]

    @Test func canonicalFormSortsKeysAndDropsSpace() throws {
        let text = String(decoding: try value.canonicalBytes(), as: UTF8.self)
        #expect(
            text
                == #"{"a":{"x":true,"é":"\"\\\n\u0001"},"b":[1,2.5,null],"empty":[],"none":{},"rows":[[1],[2]]}"#
        )
    }

    @Test func prettyFormKeepsOrder() throws {
        let text = String(decoding: try value.prettyBytes(), as: UTF8.self)
        #expect(
            text == """
                {
                  "b": [1, 2.5, null],
                  "a": {
                    "x": true,
                    "é": "\\"\\\\\\n\\u0001"
                  },
                  "empty": [],
                  "none": {},
                  "rows": [
                    [1],
                    [2]
                  ]
                }

                """)
    }

    @Test func numbersReadBackTheSame() throws {
        for number in [
            0.1, 1e-5, Double.leastNonzeroMagnitude, 1.7976931348623157e308, 1e16, 123456789.125, 1e21,
            2.0,
            0.30000000000000004,
        ] {
            let bytes = try JSONValue.number(number).canonicalBytes()
            let back = try JSONDocument(parsing: bytes, name: "n").root.double
            #expect(
                back?.bitPattern == number.bitPattern, "\(number) → \(String(decoding: bytes, as: UTF8.self))"
            )
        }
        #expect(try JSONValue.number(1).canonicalBytes() == JSONValue.integer(1).canonicalBytes())
        // Zero has one form where bytes are hashed, and keeps its sign where they are read.
        #expect(try JSONValue.number(-0.0).canonicalBytes() == JSONValue.integer(0).canonicalBytes())
        #expect(try JSONValue.number(-0.0).compactBytes() == Array("-0.0".utf8))
    }

    @Test func refusesNonFiniteNumbers() throws {
        let bad: JSONValue = ["m": ["loss": [1, .number(.nan)]]]
        let error = #expect(throws: JSONWritingError.self) { try bad.canonicalBytes() }
        #expect(error?.path == "m.loss[1]")
        #expect(throws: JSONWritingError.self) { try JSONValue.number(.infinity).prettyBytes() }
    }

    @Test func valuesComeBackFromNodes() throws {
        let node = try JSONDocument(parsing: value.prettyBytes(), name: "v").root
        #expect(JSONValue(node) == value)
    }

    @Test func objectsKeepPlacesAndReplaceValues() {
        var object: JSONObject = ["a": 1, "b": 2]
        object["a"] = 3
        object["c"] = 4
        object["b"] = nil
        #expect(object == ["a": 3, "c": 4])
        #expect(JSONObject([("x", 1), ("y", 2), ("x", 3)]).members.map(\.value) == [3, 2])
    }

    @Test func keysThatOnlyLookAlikeStayApart() throws {
        // The last pair has the same marks in another order: as many bytes, and equal to Swift's ==.
        let pairs = [("\u{e9}", "e\u{301}"), ("a\u{301}\u{323}", "a\u{323}\u{301}")]
        for (a, b): (String, String) in pairs {
            let (one, two): (JSONValue, JSONValue) = (1, 2)
            var object = JSONObject([(a, one), (b, two)])
            #expect(object.members.map { $0.value } == [one, two])
            object[b] = 3
            #expect(object[a] == 1 && object[b] == 3)
            object[a] = nil
            #expect(object.members.count == 1 && object[a] == nil && object[b] == 3)
            #expect(JSONObject([(a, one)]) != JSONObject([(b, one)]))
            let document = try JSONDocument(
                parsing: JSONValue.object([a: one, b: two]).compactBytes(), name: "t")
            #expect(JSONValue(document.root)[a] == 1 && JSONValue(document.root)[b] == 2)
        }
    }
}
