import Files
import JSON
import Reporting
import SystemPackage

/// Draws what figures.py made.
enum Charts {
    /// Writes `ratios.svg` and `products.svg` to a folder.
    static func draw(_ figures: String, to folder: String) throws {
        let root = try JSONDocument(parsing: FileSystem.read(FilePath(figures)), name: figures).root
        let renderer = SVGChartRenderer(width: 760, theme: .adaptive)
        for (name, chart) in [("ratios", ratios(root)), ("products", products(root))] {
            try FileSystem.writeAtomically(
                renderer.render(chart), to: FilePath(folder).appending("\(name).svg"))
        }
    }

    private static func ratios(_ root: JSONNode) -> BarChart {
        let figures = root["figures"]?.array ?? []
        var chart = BarChart(
            title: "How many times as fast as its peer", axisTitle: "time of the peer over our time",
            digits: 2, series: ["measured", "goal"],
            groups: figures.map { figure in
                .init(
                    figure["name"]?.string ?? "",
                    [
                        figure["ratio"]?.double.map { .init($0) },
                        figure["goal"]?.double.map { .init($0) },
                    ])
            })
        chart.summary = "One group of bars for each figure of the table: the measured ratio and the goal."
        return chart
    }

    private static func products(_ root: JSONNode) -> BarChart {
        let names = [("ours", "ours, bfloat16"), ("PyTorch", "PyTorch, bfloat16"), ("int8", "ours, int8")]
        var chart = BarChart(
            title: "Products of linear layers", axisTitle: "10⁹ operations per second", digits: 0,
            series: names.map(\.1),
            groups: (root["products"]?.array ?? []).map { product in
                .init(
                    product["product"]?.string ?? "",
                    names.map { name, _ in product[name]?.double.map { .init($0) } })
            })
        chart.summary =
            "Rows x outputs x inputs; the last is the large product that the others are measured by."
        return chart
    }
}
