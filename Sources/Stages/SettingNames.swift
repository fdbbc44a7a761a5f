internal import Base
internal import Decoding
internal import Documents
internal import JSON

/// Names of the settings of one curve, from the recipes of their artifacts and nothing else.
///
/// What a stage is called isn't in its recipe: a table that showed it could be two tables of one fingerprint. So a
/// setting is called by what tells it from the others of its method ("threshold 0.8"), and by the method where it is
/// the only one of it ("vanilla").
enum SettingNames {
    /// One name for each recipe, in their order; two are the same only where nothing in the recipes differs.
    static func of(_ recipes: [JSONValue]) -> [String] {
        let points = recipes.map(Point.init)
        var groups: [String: [Point]] = [:]
        for point in points { groups[point.method, default: []].append(point) }
        let sweeps = groups.mapValues(Differences.init)
        let namesMethods = sweeps.values.count { !$0.isEmpty } > 1
        return points.map { point in
            guard let sweep = sweeps[point.method], !sweep.isEmpty else { return point.method }
            return (namesMethods ? "\(point.method), " : "") + sweep.name(of: point)
        }
    }

    /// A recipe taken apart into what may tell it from others.
    private struct Point {
        /// The decoding method; the kind of the stage where there is none.
        let method: String
        /// Every key of the stage, by its dotted path.
        let keys: [String: String]
        /// The artifacts that it was made from, by key.
        let inputs: [String: String]

        init(_ recipe: JSONValue) {
            let kind = recipe["kind"]?.string ?? ""
            method = recipe["config"]?["decoder"]?["method"]?.string ?? kind
            var keys = ["kind": kind, "seed": SettingNames.text(recipe["seed"] ?? .null)]
            Self.collect(recipe["config"] ?? [:], at: "", into: &keys)
            self.keys = keys
            inputs = Dictionary(
                (recipe["inputs"]?.object?.members ?? []).map { ($0.key, SettingNames.text($0.value)) },
                uniquingKeysWith: { first, _ in first })
        }

        private static func collect(_ value: JSONValue, at path: String, into keys: inout [String: String]) {
            guard let members = value.object?.members, !members.isEmpty || path.isEmpty else {
                keys[path] = SettingNames.text(value)
                return
            }
            for member in members {
                collect(member.value, at: path.isEmpty ? member.key : "\(path).\(member.key)", into: &keys)
            }
        }

        /// The key's value; where it isn't in the recipe, the one that the method then takes.
        func value(of key: String) -> String? {
            if let value = keys[key] { return value }
            guard key.byteText.hasPrefix("decoder."), let method = try? DecodingMethod.named(method) else {
                return nil
            }
            let option = method.options.first { "decoder.\($0.key)" == key }
            return option?.defaultValue.map(SettingNames.text)
        }
    }

    /// What settings of one method differ in.
    private struct Differences {
        /// In the order of the alphabet, because a recipe's keys have none.
        let keys: [String]
        /// Those that are needed besides, where several settings have the same keys.
        let inputs: [String]

        /// Whether all are one and the same.
        var isEmpty: Bool { keys.isEmpty && inputs.isEmpty }

        init(_ points: [Point]) {
            func differing(_ names: Set<String>, _ value: (Point, String) -> String?) -> [String] {
                names.filter { name in Set(points.map { value($0, name) }).count > 1 }.sorted()
            }
            let keys = differing(Set(points.flatMap(\.keys.keys))) { $0.value(of: $1) }
            let inputs = differing(Set(points.flatMap(\.inputs.keys))) { $0.inputs[$1] }
            let told = Set(points.map { point in keys.map { point.value(of: $0) } }).count
            let all = Set(
                points.map { point in keys.map { point.value(of: $0) } + inputs.map { point.inputs[$0] } })
            self.keys = keys
            self.inputs = told == all.count ? [] : inputs
        }

        /// "threshold 0.8, model f348fa55a9a4".
        func name(of point: Point) -> String {
            let last = keys.map { String($0.byteText.split(".").last?.text ?? "") }
            let own = zip(keys, last).map { key, short in
                let label = last.count { $0 == short } == 1 ? short : key
                return point.value(of: key).map { "\(label) \($0)" } ?? "no \(label)"
            }
            // As many digits as folders have.
            let artifacts = inputs.map { key in
                point.inputs[key].map { "\(key) \($0.prefix(12))" } ?? "no \(key)"
            }
            return (own + artifacts).joined(separator: ", ")
        }
    }

    /// A value as configurations write it, text without its quotes.
    private static func text(_ value: JSONValue) -> String {
        value.string ?? (try? value.canonicalBytes()).map { String(decoding: $0, as: UTF8.self) } ?? ""
    }
}
