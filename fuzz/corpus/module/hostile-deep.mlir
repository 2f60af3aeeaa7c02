func.func @f(%x: tuple<tuple<tuple<tuple<tuple<tuple<tuple<tuple<tuple<tuple<tuple<tuple<tuple<>>>>>>>>>>>>>) attributes {a = [[[[[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]]]]]} { return }
