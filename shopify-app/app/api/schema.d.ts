// Written by "npm run schema" from backend/openapi.yaml. Do not edit.

export interface paths {
    "/api/shop": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get: operations["shop"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/setup": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get: operations["setup"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/setup/theme-block": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        post: operations["report_theme_block"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/imports": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        post: operations["start_import"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/model": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get: operations["model"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/training": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        post: operations["start_training"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/training/{id}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get: operations["training"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
}
export type webhooks = Record<string, never>;
export interface components {
    schemas: {
        Shop: {
            domain: string;
            name: string;
            currency: string;
            timezone: string;
            /** Format: date-time */
            installed_at: string;
            scopes: string[];
            missing_scopes: string[];
            needs_reauth: boolean;
        };
        ThemeBlockReport: {
            status: string;
        };
        SetupStep: {
            /** @enum {string} */
            id: "install" | "import_products" | "import_orders" | "train" | "publish" | "theme_block";
            title: string;
            /** @enum {string} */
            state: "DONE" | "RUNNING" | "WAITING" | "FAILED" | "NEEDS_ACTION";
            detail: string;
            done: number | null;
            total: number | null;
            unit: string;
        };
        Counts: {
            products: number;
            orders: number;
            order_lines: number;
            customers: number;
            guest_orders: number;
        };
        Setup: {
            shop: string;
            steps: components["schemas"]["SetupStep"][];
            counts: components["schemas"]["Counts"];
            recommendations_live: boolean;
            /** @enum {string} */
            serving: "MODEL" | "FALLBACK";
            missing: string[];
            theme_editor_urls: {
                product: string;
                home: string;
            };
        };
        CurvePoint: {
            step: number;
            epoch: number;
            seconds: number;
            train_loss: number | null;
            validation_ndcg: number | null;
        };
        Metrics: {
            model: string;
            label: string;
            ndcg_at_10: number;
            ndcg_low: number | null;
            ndcg_high: number | null;
            recall_at_10: number;
            hit_rate_at_10: number;
            mrr_at_10: number;
            coverage: number;
            is_served: boolean;
            is_transformer: boolean;
        };
        ModelVersion: {
            /** Format: uuid */
            id: string;
            number: number;
            /** Format: date-time */
            created_at: string;
            /** @enum {string} */
            state: "LIVE" | "RETIRED" | "REJECTED";
            served: string;
            /** Format: date-time */
            data_until: string | null;
            interactions: number;
            customers: number;
            products: number;
            train_seconds: number;
            code_revision: string;
            mlflow_run_id: string;
            mlflow_url: string;
            metrics: components["schemas"]["Metrics"][];
            curve: components["schemas"]["CurvePoint"][];
            summary: string;
        };
        Progress: {
            epoch: number | null;
            epochs: number | null;
            fraction: number;
            message: string;
        };
        TrainingRun: {
            /** Format: uuid */
            id: string;
            /** @enum {string} */
            state: "QUEUED" | "EXPORTING" | "TRAINING" | "EVALUATING" | "REGISTERING" | "PUBLISHING" | "DONE" | "FAILED" | "CANCELLED";
            /** @enum {string} */
            reason: "install" | "manual" | "schedule";
            /** Format: date-time */
            created_at: string;
            /** Format: date-time */
            started_at: string | null;
            /** Format: date-time */
            finished_at: string | null;
            progress: components["schemas"]["Progress"];
            error: string | null;
            curve: components["schemas"]["CurvePoint"][];
            /** Format: uuid */
            version: string | null;
        };
        Model: {
            current: components["schemas"]["ModelVersion"] | null;
            versions: components["schemas"]["ModelVersion"][];
            training: components["schemas"]["TrainingRun"] | null;
        };
    };
    responses: never;
    parameters: never;
    requestBodies: never;
    headers: never;
    pathItems: never;
}
export type $defs = Record<string, never>;
export interface operations {
    shop: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description ok */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Shop"];
                };
            };
        };
    };
    setup: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description ok */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Setup"];
                };
            };
        };
    };
    report_theme_block: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["ThemeBlockReport"];
            };
        };
        responses: {
            /** @description noted */
            204: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
        };
    };
    start_import: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description started */
            202: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": Record<string, never>;
                };
            };
        };
    };
    model: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description ok */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Model"];
                };
            };
        };
    };
    start_training: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description started */
            202: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["TrainingRun"];
                };
            };
        };
    };
    training: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description ok */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["TrainingRun"];
                };
            };
        };
    };
}
