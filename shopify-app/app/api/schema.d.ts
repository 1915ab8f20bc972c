// Written by "npm run schema" from backend/openapi.yaml. Do not edit.

export interface paths {
    "/api/activity": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** @description Return what was done to the calling shop, newest first. */
        get: operations["get_activity"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/activity/file": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** @description Send what was done to the calling shop as a table for a spreadsheet. */
        get: operations["get_activity_file"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/data-requests": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** @description Return the requests that the calling shop has to answer, or has answered lately. */
        get: operations["get_data_requests"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/data-requests/{id}/file": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** @description Send all that is stored about the customer who asked, to hand on to them. */
        get: operations["get_data_request_file"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/exploration": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** @description Return the calling shop's exploration, and what its lists have shown. */
        get: operations["get_exploration"];
        /** @description Change the calling shop's exploration. Shoppers see it within a minute. */
        put: operations["set_exploration"];
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/holdout": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** @description Return the calling shop's holdout. */
        get: operations["get_holdout"];
        /** @description Change the calling shop's holdout. What is measured begins anew. */
        put: operations["set_holdout"];
        post?: never;
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
        /** @description Ask for a whole new import; 409 while one runs. */
        post: operations["request_import"];
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
        /** @description Return the calling shop's model versions and its training under way, or its last one. */
        get: operations["get_model"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/model/live": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** @description Return what shoppers did with the lists of each version that answered them lately. */
        get: operations["get_model_live"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/model/settings": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** @description Return the calling shop's settings, or the defaults. */
        get: operations["get_model_settings"];
        /** @description Change the calling shop's settings. They decide from the next version and the next look on. */
        put: operations["set_model_settings"];
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/model/versions/{id}/release": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** @description Roll out a version that was kept back, or go back to a former one. */
        post: operations["release_version"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/preview": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** @description Return what a page of the calling shop would show now. It leaves no record. */
        get: operations["get_preview"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/products": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** @description Return the calling shop's products that match a search. */
        get: operations["find_products"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/results": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** @description Return what recommendations earned for the calling shop. */
        get: operations["get_results"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/rollouts": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** @description Return the calling shop's rollouts, newest first, and what could be begun. */
        get: operations["get_rollouts"];
        put?: never;
        /** @description Open a rollout of a version by hand: also of one that did not prove itself beforehand. */
        post: operations["open_rollout"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/rollouts/{id}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** @description Return where one of the calling shop's rollouts stands, what it showed and what comes next. */
        get: operations["get_rollout"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/rollouts/{id}/changes": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** @description Return what the new version would show on the calling shop's pages, beside what is shown. */
        get: operations["get_rollout_changes"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/rollouts/{id}/look": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** @description Return an address that shows the storefront as one version for an hour; it counts nowhere. */
        post: operations["look_at_rollout"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/rollouts/{id}/look-back": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** @description Have the new version judged on the last 30 days; it takes minutes and moves nothing. */
        post: operations["look_back"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/rollouts/{id}/moves": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** @description Start, pause, resume, widen, promote, undo or end a rollout. */
        post: operations["move_rollout"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/rollouts/go-back": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** @description Go back to a version that was live before, for every visitor and at once. */
        post: operations["go_back"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/rollouts/settings": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** @description Return the calling shop's plan of rollouts, or the defaults. */
        get: operations["get_rollout_settings"];
        /** @description Change the calling shop's plan. Turned off, the rollout that is under way goes back at once. */
        put: operations["set_rollout_settings"];
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
        /** @description Return how far the calling shop has come. */
        get: operations["get_setup"];
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
        /** @description Take App Bridge's word on the theme blocks. */
        post: operations["report_theme_block"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/shop": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** @description Return the calling shop, and what of its consent is missing. */
        get: operations["get_shop"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/shop/settings": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        /** @description Change the calling shop's settings. Shoppers see it within a minute. */
        put: operations["set_shop_settings"];
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
        /** @description Start a training. Refused while one is running. */
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
        /** @description Return a run of the calling shop, with its progress and learning curve. */
        get: operations["get_training"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/triggers": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** @description Return the calling shop's newest 50 recorded looks. */
        get: operations["list_triggers"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/triggers/status": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** @description Return for each kind what the newest look at the calling shop found. */
        get: operations["get_trigger_status"];
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
        /** @description One act in words. */
        Act: {
            /** Format: uuid */
            id: string;
            /** Format: date-time */
            at: string;
            kind: components["schemas"]["ActKindEnum"];
            what: string;
            subject: string;
            actor_kind: components["schemas"]["ActorKindEnum"];
            actor: string;
            is_you: boolean;
            reason: string;
            changes: components["schemas"]["Change"][];
            where: string;
        };
        /** @enum {string} */
        ActKindEnum: "SETUP" | "SETTINGS" | "MODEL" | "STOREFRONT" | "PRIVACY" | "SUPPORT";
        /** @description A page of acts, newest first. ``next_before`` asks for the one after it; null on the last. */
        Activity: {
            acts: components["schemas"]["Act"][];
            /** Format: uuid */
            next_before: string | null;
        };
        /** @enum {string} */
        ActorKindEnum: "SYSTEM" | "MERCHANT" | "STAFF";
        /** @description What is served beside the best simple model. Gains are shares (0.02 is 2 %), with a 95 % interval. */
        AgainstSimple: {
            model: string;
            label: string;
            /** Format: double */
            gain: number;
            /** Format: double */
            low: number;
            /** Format: double */
            high: number;
            customers: number;
        };
        /** @enum {string} */
        ArmEnum: "candidate" | "champion";
        /** @description Which version the storefront is to show, and on which page; without a product on the home page. */
        AskLookRequest: {
            arm: components["schemas"]["ArmEnum"];
            /** Format: int64 */
            product?: number | null;
        };
        /** @enum {string} */
        AskedEnum: "customers" | "orders";
        /** @enum {string} */
        AutonomyEnum: "NOTHING" | "SHADOW" | "FIRST_STEP" | "HALF" | "PROMOTE";
        /** @description A version beside the best simple model, in percent, with a 95 % interval. */
        Baseline: {
            label: string;
            customers: number;
            /** Format: double */
            gain_percent: number;
            /** Format: double */
            low_percent: number;
            /** Format: double */
            high_percent: number;
        };
        /** @description What the version's newest rollout measured, beside the version that was in use. */
        BesideChampion: {
            rollout: number;
            champion: number;
            visitors: number;
            champion_visitors: number;
            words: string[];
        };
        /** @enum {string} */
        BlockStatusEnum: "active" | "available" | "unavailable";
        /** @description One value before and after, in words; empty where it isn't known. */
        Change: {
            name: string;
            old: string;
            new: string;
        };
        /** @description One page under both versions; ``product`` is null for the home page. */
        ChangedPage: {
            product: components["schemas"]["FoundProduct"] | null;
            /** Format: double */
            overlap: number;
            champion: components["schemas"]["Place"][];
            candidate: components["schemas"]["Place"][];
        };
        /** @description What would change under the new version. Figures are null before anything was compared. */
        Changes: {
            pages_compared: number;
            pages_changed: number;
            /** Format: double */
            overlap: number | null;
            is_complete: boolean;
            gains: components["schemas"]["Shift"][];
            losses: components["schemas"]["Shift"][];
            pages: components["schemas"]["ChangedPage"][];
            next_page: number | null;
        };
        /** @description How often products without a sale were found for the customers who then bought them. */
        Cold: {
            items: number;
            customers: number;
            /** Format: double */
            recall_at_10: number;
            /** Format: double */
            popularity_recall_at_10: number;
            /** Format: double */
            recall_with_place_at_10?: number | null;
            /** Format: double */
            place_ndcg_change?: number | null;
        };
        /** @description How much of a shop's history is here. */
        Counts: {
            products: number;
            orders: number;
            order_lines: number;
            customers: number;
            guest_orders: number;
        };
        /** @description What shoppers who agreed to it did with recommendations. */
        CountsOfEvents: {
            impressions: number;
            clicks: number;
            adds: number;
        };
        /** @description Of how many orders with a recommended product it is known what their shoppers did. */
        Coverage: {
            orders: number;
            joined: number;
            readonly reasons: components["schemas"]["NotJoined"][];
        };
        /** @description What was earned in one currency: by clicks, and apart from it by what was only seen. */
        CurrencyResults: {
            currency: string;
            direct: components["schemas"]["Earned"];
            view_through: components["schemas"]["Earned"];
        };
        /** @description One point of a learning curve. */
        CurvePoint: {
            step: number;
            epoch: number;
            /** Format: double */
            seconds: number;
            /** Format: double */
            train_loss: number | null;
            /** Format: double */
            validation_ndcg: number | null;
        };
        /** @description One customer's request for what is stored about them. */
        DataRequest: {
            /** Format: uuid */
            id: string;
            shopify_id: number | null;
            /** Format: date-time */
            requested_at: string;
            /** Format: date-time */
            due_at: string;
            is_overdue: boolean;
            /** Format: date-time */
            downloaded_at: string | null;
            orders: number;
            decisions: number;
        };
        /** @description All requests of a shop, the one that is due first first. */
        DataRequests: {
            requests: components["schemas"]["DataRequest"][];
        };
        /** @description How soon 5 % errors beside 1 % are found at a share of visitors, in answers and in time. */
        Detection: {
            percent: number;
            median_answers: number;
            p99_answers: number;
            times: components["schemas"]["DetectionTime"][];
        };
        /** @description How soon harm is found at a rate of requests: in half of all cases, and in 99 of 100. */
        DetectionTime: {
            requests_per_second: number;
            /** Format: double */
            median_seconds: number;
            /** Format: double */
            p99_seconds: number;
        };
        /** @description What is left of what was earned, and what was taken back by refunds and cancellations. */
        Earned: {
            /** Format: decimal */
            revenue: string;
            /** Format: decimal */
            reversed: string;
            orders: number;
            lines: number;
        };
        /** @description The body of every answer that is not a success. */
        ErrorBody: {
            error: components["schemas"]["ErrorDetail"];
        };
        /** @description What went wrong, for programs (code) and people (message). */
        ErrorDetail: {
            code: string;
            message: string;
            field: string | null;
        };
        /**
         * @description Whether neighbouring products change places by chance, in one of how many lists, and what that has shown.
         *
         *     ``visitors`` clicked one of two products that had changed places; of fewer than ``needed`` nothing is
         *     said. ``order`` compares clicks of the product that the model puts first with those of the other,
         *     ``place`` those of the place in front with those of the one behind it.
         */
        Exploration: {
            is_on: boolean;
            /** Format: date-time */
            readonly since: string | null;
            readonly one_in: number;
            readonly visitors: number;
            readonly needed: number;
            readonly order: components["schemas"]["Ratio"] | null;
            readonly place: components["schemas"]["Ratio"] | null;
        };
        /**
         * @description Whether neighbouring products change places by chance, in one of how many lists, and what that has shown.
         *
         *     ``visitors`` clicked one of two products that had changed places; of fewer than ``needed`` nothing is
         *     said. ``order`` compares clicks of the product that the model puts first with those of the other,
         *     ``place`` those of the place in front with those of the one behind it.
         */
        ExplorationRequest: {
            is_on: boolean;
        };
        /** @description One line of what a look rests on, in words. */
        Figure: {
            name: string;
            value: string;
        };
        /** @description A product that was found. */
        FoundProduct: {
            product_id: number;
            title: string;
            image_url: string;
            is_available: boolean;
        };
        /** @description The products that were found, the best first. */
        FoundProducts: {
            products: components["schemas"]["FoundProduct"][];
        };
        /** @description Days of the shop's calendar, both included, on which nothing widens. */
        Freeze: {
            /** Format: date */
            first: string;
            /** Format: date */
            last: string;
            /** @default  */
            name: string;
        };
        /** @description Days of the shop's calendar, both included, on which nothing widens. */
        FreezeRequest: {
            /** Format: date */
            first: string;
            /** Format: date */
            last: string;
            /** @default  */
            name: string;
        };
        /**
         * @description What the gate said of a version. Gains are in percent, with a 95 % interval; null without data.
         *
         *     The bar is asked of the gain over the baseline, the margin of the low end beside the champion. Without
         *     a margin a decision is by the former rule: the bar was asked of the low end beside the champion.
         */
        Gate: {
            verdict: components["schemas"]["GateVerdictEnum"];
            /** Format: double */
            bar_percent: number;
            /** Format: double */
            margin_percent: number | null;
            baseline: components["schemas"]["Baseline"] | null;
            /** Format: double */
            gain_percent: number | null;
            /** Format: double */
            low_percent: number | null;
            /** Format: double */
            high_percent: number | null;
            customers: number;
            /** Format: date-time */
            since: string | null;
            /** Format: date-time */
            until: string | null;
            champion: number | null;
            words: string;
            actor: string;
            /** Format: date-time */
            created_at: string;
        };
        /** @enum {string} */
        GateVerdictEnum: "FIRST" | "PASSED" | "FAILED" | "NOT_ENOUGH_DATA" | "DAMAGED" | "OVERRIDDEN";
        /** @description A technical guardrail, and how long it takes to notice harm at the shop's own rate. */
        GuardReport: {
            name: string;
            verdict: components["schemas"]["RolloutVerdictEnum"];
            candidate: string;
            champion: string;
            /** Format: double */
            notice_seconds: number | null;
        };
        /** @description The share of visitors, in percent, that sees popular products for comparison; 0 where nobody does. */
        Holdout: {
            percent: number;
            /** Format: date-time */
            readonly since: string | null;
        };
        /** @description The share of visitors, in percent, that sees popular products for comparison; 0 where nobody does. */
        HoldoutRequest: {
            percent: number;
        };
        /** @enum {string} */
        IdEnum: "install" | "import_products" | "import_orders" | "train" | "publish" | "theme_block";
        /** @description How far an import is. */
        Import: {
            /** Format: uuid */
            id: string;
            state: components["schemas"]["ImportStateEnum"];
            /** Format: date-time */
            created_at: string;
            /** Format: date-time */
            finished_at: string | null;
            parts: components["schemas"]["Part"][];
        };
        /** @enum {string} */
        ImportStateEnum: "QUEUED" | "RUNNING" | "DONE" | "FAILED";
        /** @description What recommendations added beside what sells anyway; null where it can't be said yet. */
        Incremental: {
            percent: number;
            /** Format: date-time */
            since: string;
            /** Format: decimal */
            amount: string | null;
            /** Format: decimal */
            low: string | null;
            /** Format: decimal */
            high: string | null;
            /** @description Say why nothing can be said; empty where something can. */
            readonly reason: string;
            shown_visitors: number;
            held_out_visitors: number;
        };
        /** @description Visitors by the version whose product they clicked first in a list of both. */
        InterleavingReport: {
            candidate: number;
            champion: number;
            verdict: components["schemas"]["RolloutVerdictEnum"];
            words: string;
        };
        /** @description The versions that answered shoppers in the last 90 days, the newest first. */
        Live: {
            versions: components["schemas"]["LiveVersion"][];
        };
        /** @description What shoppers did on the whole days of the last 90 on which this version alone answered them. */
        LiveVersion: {
            version: number;
            /** Format: date-time */
            since: string;
            /**
             * Format: date-time
             * @description null while it answers
             */
            until: string | null;
            days_alone: number;
            /** @description that shoppers saw */
            lists: number;
            clicks: number;
            /** @description with something in them that was clicked in a list */
            orders: number;
            clicks_per_list: components["schemas"]["Rate"] | null;
            orders_per_list: components["schemas"]["Rate"] | null;
            rollout: components["schemas"]["BesideChampion"] | null;
        };
        /** @description An address that shows one version to whoever has it, until a moment. */
        Look: {
            /** Format: uri */
            url: string;
            /** Format: date-time */
            until: string;
        };
        /** @description What the last 30 days say of a version that is made like the new one. */
        LookBack: {
            state: components["schemas"]["LookBackStateEnum"];
            /** Format: double */
            progress: number;
            words: string;
            /** Format: date-time */
            asked_at: string;
            customers: number;
            /** Format: double */
            gain_percent: number | null;
            /** Format: double */
            low_percent: number | null;
            /** Format: double */
            high_percent: number | null;
            rounds: components["schemas"]["LookBackRound"][];
        };
        /** @description A week of the look back: how well each side found what customers then bought, 0 to 1. */
        LookBackRound: {
            /** Format: date-time */
            since: string;
            /** Format: date-time */
            until: string;
            customers: number;
            /** Format: double */
            candidate: number;
            /** Format: double */
            champion: number;
        };
        /** @enum {string} */
        LookBackStateEnum: "WAITING" | "RUNNING" | "DONE" | "FAILED";
        /** @enum {string} */
        MetricEnum: "CLICK_THROUGH" | "ADD_TO_CART" | "CONVERSION" | "REVENUE";
        /** @description What was known of a difference at one moment. */
        MetricPoint: {
            /** Format: date-time */
            at: string;
            /** Format: double */
            percent: number;
            /** Format: double */
            low: number;
            /** Format: double */
            high: number;
        };
        /** @description A metric of the candidate beside the control's. ``bound`` is what the low end must clear. */
        MetricReport: {
            metric: components["schemas"]["MetricEnum"];
            name: string;
            is_deciding: boolean;
            /** Format: double */
            bound: number | null;
            candidate_visitors: number;
            control_visitors: number;
            /** Format: double */
            percent: number | null;
            /** Format: double */
            low: number | null;
            /** Format: double */
            high: number | null;
            verdict: components["schemas"]["RolloutVerdictEnum"];
            words: string;
            history: components["schemas"]["MetricPoint"][];
        };
        /** @description How one model ranked the newest weeks. Figures are null where there was too little to measure. */
        Metrics: {
            model: string;
            label: string;
            /** Format: double */
            ndcg_at_10: number | null;
            /** Format: double */
            ndcg_low: number | null;
            /** Format: double */
            ndcg_high: number | null;
            /** Format: double */
            recall_at_10: number | null;
            /** Format: double */
            hit_rate_at_10: number | null;
            /** Format: double */
            mrr_at_10: number | null;
            /** Format: double */
            coverage: number | null;
            /** Format: double */
            fit_seconds?: number | null;
            /** Format: double */
            p50_ms?: number | null;
            /** Format: double */
            p99_ms?: number | null;
            is_served: boolean;
            is_transformer: boolean;
        };
        /** @description A shop's models: the one that answers, all of them, and the training under way. */
        Model: {
            current: components["schemas"]["ModelVersion"] | null;
            versions: components["schemas"]["ModelVersion"][];
            training: components["schemas"]["TrainingRun"] | null;
        };
        /** @description What the shop asks of a new version, and how it wants to be watched. */
        ModelSettings: {
            /** Format: double */
            min_gain_percent: number;
            release_without_evidence: boolean;
            cool_down_hours: number;
            /** Format: double */
            min_accuracy_percent: number;
            /** Format: date-time */
            readonly updated_at: string | null;
            readonly updated_by: string;
        };
        /** @description What the shop asks of a new version, and how it wants to be watched. */
        ModelSettingsRequest: {
            /** Format: double */
            min_gain_percent: number;
            release_without_evidence: boolean;
            cool_down_hours: number;
            /** Format: double */
            min_accuracy_percent: number;
        };
        /** @description One model version with its lineage, what the gate said of it, and what a person may do with it. */
        ModelVersion: {
            /** Format: uuid */
            id: string;
            number: number;
            /** Format: date-time */
            created_at: string;
            state: components["schemas"]["ModelVersionStateEnum"];
            served: string;
            /** Format: date-time */
            data_until: string;
            interactions: number;
            customers: number;
            products: number;
            /** Format: double */
            train_seconds: number;
            code_revision: string;
            mlflow_run_id: string;
            mlflow_url: string;
            metrics: components["schemas"]["Metrics"][];
            curve: components["schemas"]["CurvePoint"][];
            summary: string;
            gate: components["schemas"]["Gate"] | null;
            weights: components["schemas"]["Weight"][];
            /** @description what was asked: customers for their next purchases, or orders for their rest */
            asked: components["schemas"]["AskedEnum"];
            against_simple: components["schemas"]["AgainstSimple"] | null;
            cold: components["schemas"]["Cold"] | null;
            surfaces: components["schemas"]["Surface"][];
            /** Format: double */
            peak_memory_mb: number | null;
            model_card: string;
            can_release: boolean;
            can_roll_back: boolean;
        };
        /** @enum {string} */
        ModelVersionStateEnum: "REJECTED" | "HELD" | "STAGED" | "WAITING" | "ROLLING_OUT" | "ROLLED_BACK" | "LIVE" | "RETIRED";
        /**
         * @description Why a person moves a rollout, and which revision of it they saw.
         *
         *     A rollout that has moved on since then stays as it is: nobody widens what they did not see.
         */
        MoveRolloutRequest: {
            action: components["schemas"]["RolloutActionEnum"];
            revision: number;
            /** @default  */
            reason: string;
        };
        /** @description What happens next if nobody does anything, and the earliest moment of it. */
        NextMove: {
            words: string;
            /** Format: date-time */
            at: string | null;
        };
        /** @description How many orders could not be joined for one reason. */
        NotJoined: {
            words: string;
            orders: number;
        };
        /** @enum {unknown} */
        NullEnum: null;
        /** @description Which version a person opens a rollout for, and why. */
        OpenRolloutRequest: {
            /** Format: uuid */
            version: string;
            /** @default  */
            reason: string;
        };
        /** @description How far one half of an import is. */
        Part: {
            part: components["schemas"]["PartEnum"];
            state: components["schemas"]["PartStateEnum"];
            done: number;
            total: number;
            unit: string;
            error: string;
            set_aside: number;
            note: string;
        };
        /** @enum {string} */
        PartEnum: "PRODUCTS" | "ORDERS";
        /** @enum {string} */
        PartStateEnum: "WAITING" | "STARTING" | "EXPORTING" | "LOADING" | "DONE" | "FAILED";
        /** @enum {string} */
        PixelEnum: "ACTIVE" | "PENDING" | "NOT_GRANTED" | "REFUSED";
        /** @description One product of a list. ``rises`` is null where only one of the versions shows it. */
        Place: {
            product: components["schemas"]["FoundProduct"];
            rises: number | null;
        };
        /** @enum {string} */
        PlacementEnum: "product" | "home";
        /** @description The lowest and the highest value of one field of a plan. What no limit names may be any number. */
        PlanLimit: {
            name: string;
            /** Format: double */
            lowest: number;
            /** Format: double */
            highest: number;
        };
        /** @description The lowest and the highest value of one field of a plan. What no limit names may be any number. */
        PlanLimitRequest: {
            name: string;
            /** Format: double */
            lowest: number;
            /** Format: double */
            highest: number;
        };
        /** @description What would be shown now, and why. Nothing of it is on record. */
        Preview: {
            surface: components["schemas"]["SurfaceEnum"];
            product: components["schemas"]["FoundProduct"] | null;
            order: string;
            is_guest: boolean;
            is_personal: boolean;
            purchases: number;
            version_number: number | null;
            why_not_model: string;
            items: components["schemas"]["PreviewItem"][];
        };
        /** @description One place of the list, and why the product has it. */
        PreviewItem: {
            product_id: number;
            title: string;
            image_url: string;
            price: string;
            currency: string;
            position: number;
            why: string;
            is_from_model: boolean;
        };
        /** @description How far a run is. */
        Progress: {
            epoch: number;
            epochs: number;
            /** Format: double */
            fraction: number;
            message: string;
        };
        /** @enum {string} */
        ProgressEnum: "DONE" | "CURRENT" | "AHEAD";
        /** @description Acts a list that was seen (0.02: two of a hundred lists), with a 95 % interval. */
        Rate: {
            /** Format: double */
            value: number;
            /** Format: double */
            low: number;
            /** Format: double */
            high: number;
        };
        /** @description A ratio with its 95 % interval. */
        Ratio: {
            /** Format: double */
            value: number;
            /** Format: double */
            low: number;
            /** Format: double */
            high: number;
        };
        /** @description A ratio with its 95 % interval. */
        RatioRequest: {
            /** Format: double */
            value: number;
            /** Format: double */
            low: number;
            /** Format: double */
            high: number;
        };
        /** @enum {string} */
        ReasonEnum: "install" | "manual" | "schedule" | "conversion" | "metric" | "drift" | "unreadable";
        /** @description An act that is offered, and why it can't be done now. */
        Refusal: {
            action: components["schemas"]["RolloutActionEnum"];
            words: string;
        };
        /** @description Why a person uses a version, for the ledger. */
        ReleaseRequestRequest: {
            /** @default  */
            reason: string;
        };
        /** @enum {string} */
        RequirementEnum: "NO_WORSE" | "BETTER";
        /** @description What recommendations earned in a time. Counts are null while no browser tells us anything. */
        Results: {
            days: number;
            /** Format: date-time */
            since: string;
            /** Format: date-time */
            until: string;
            currency: string;
            has_orders: boolean;
            currencies: components["schemas"]["CurrencyResults"][];
            click_days: number;
            view_hours: number;
            incremental: components["schemas"]["Incremental"] | null;
            pixel: components["schemas"]["PixelEnum"];
            counts: components["schemas"]["CountsOfEvents"] | null;
            top_products: components["schemas"]["TopProduct"][];
            coverage: components["schemas"]["Coverage"];
        };
        /** @enum {string} */
        RolloutActionEnum: "START" | "RESUME" | "STEP" | "PAUSE" | "PROMOTE" | "UNDO" | "ABORT";
        /** @description Everything that is told of a rollout. */
        RolloutReport: {
            summary: components["schemas"]["RolloutSummary"];
            actions: components["schemas"]["RolloutActionEnum"][];
            refused: components["schemas"]["Refusal"][];
            /** Format: uuid */
            candidate_id: string;
            /** Format: uuid */
            champion_id: string;
            steps: components["schemas"]["StepReport"][];
            split: components["schemas"]["Split"] | null;
            metrics: components["schemas"]["MetricReport"][];
            /** Format: date-time */
            measured_at: string | null;
            sample_words: string;
            guards: components["schemas"]["GuardReport"][];
            detection: components["schemas"]["Detection"] | null;
            shadow: components["schemas"]["ShadowReport"] | null;
            interleaving: components["schemas"]["InterleavingReport"] | null;
            look_back: components["schemas"]["LookBack"] | null;
            advice: string[];
            timeline: components["schemas"]["TimelineEntry"][];
            requirement: components["schemas"]["RequirementEnum"];
            /** Format: double */
            margin_percent: number;
            autonomy: components["schemas"]["AutonomyEnum"];
        };
        /** @description What a shop says of its rollouts. The plan is that of the next one: a running one keeps its own. */
        RolloutSettings: {
            is_off: boolean;
            autonomy: components["schemas"]["AutonomyEnum"];
            steps: number[];
            /** Format: double */
            dwell_hours: number;
            shadow_percent: number;
            shadow_requests: number;
            /** Format: double */
            shadow_hours: number;
            interleave_days: number;
            ab_days: number;
            requirement: components["schemas"]["RequirementEnum"];
            /** Format: double */
            margin_percent: number;
            window_days: number;
            max_days: number;
            freezes: components["schemas"]["Freeze"][];
            promoters: string[];
            readonly limits: components["schemas"]["PlanLimit"][];
            readonly you: string;
        };
        /** @description What a shop says of its rollouts. The plan is that of the next one: a running one keeps its own. */
        RolloutSettingsRequest: {
            is_off: boolean;
            autonomy: components["schemas"]["AutonomyEnum"];
            steps: number[];
            /** Format: double */
            dwell_hours: number;
            shadow_percent: number;
            shadow_requests: number;
            /** Format: double */
            shadow_hours: number;
            interleave_days: number;
            ab_days: number;
            requirement: components["schemas"]["RequirementEnum"];
            /** Format: double */
            margin_percent: number;
            window_days: number;
            max_days: number;
            freezes: components["schemas"]["FreezeRequest"][];
            promoters: string[];
        };
        /** @enum {string} */
        RolloutStateEnum: "DRAFT" | "SHADOW" | "INTERLEAVED" | "CANARY" | "HOLD" | "PAUSED" | "INCONCLUSIVE" | "PROMOTED" | "ROLLED_BACK" | "SUPERSEDED" | "ABORTED";
        /** @description A rollout in a few sentences. */
        RolloutSummary: {
            /** Format: uuid */
            id: string;
            number: number;
            /** Format: uuid */
            candidate_id: string;
            candidate_number: number;
            champion_number: number;
            state: components["schemas"]["RolloutStateEnum"];
            percent: number;
            /** Format: date-time */
            opened_at: string;
            /** Format: date-time */
            entered_at: string;
            /** Format: date-time */
            ended_at: string | null;
            revision: number;
            reason: string;
            waits_for: string;
            headline: string;
            finding: string;
            outlook: string;
            next_move: components["schemas"]["NextMove"];
        };
        /** @enum {string} */
        RolloutVerdictEnum: "SUCCESS" | "FAILED" | "ERROR" | "INCONCLUSIVE" | "NOT_ENOUGH";
        /** @description A shop's rollouts, newest first: the one that is under way, and what could be begun. */
        Rollouts: {
            live: components["schemas"]["RolloutSummary"] | null;
            rollouts: components["schemas"]["RolloutSummary"][];
            live_version: number | null;
            is_off: boolean;
            may_move: boolean;
            advice: string[];
            to_open: components["schemas"]["VersionOffer"][];
            to_go_back_to: components["schemas"]["VersionOffer"][];
        };
        /** @enum {string} */
        ServingEnum: "MODEL" | "FALLBACK";
        /** @description How far a shop has come. */
        Setup: {
            shop: string;
            steps: components["schemas"]["SetupStep"][];
            counts: components["schemas"]["Counts"];
            recommendations_live: boolean;
            serving: components["schemas"]["ServingEnum"];
            missing: string[];
            blocks: components["schemas"]["ThemeBlock"][];
            theme_editor_urls: components["schemas"]["ThemeEditorUrls"];
        };
        /** @description One line of the checklist. */
        SetupStep: {
            id: components["schemas"]["IdEnum"];
            title: string;
            state: components["schemas"]["SetupStepStateEnum"];
            detail: string;
            done: number | null;
            total: number | null;
            unit: string;
        };
        /** @enum {string} */
        SetupStepStateEnum: "DONE" | "RUNNING" | "WAITING" | "FAILED" | "NEEDS_ACTION";
        /** @description One thing that the shadow measured. */
        ShadowFigure: {
            name: string;
            value: string;
            words: string;
        };
        /** @description What was compared before anybody saw it. */
        ShadowReport: {
            compared: number;
            wanted: number;
            verdict: components["schemas"]["RolloutVerdictEnum"];
            words: string;
            figures: components["schemas"]["ShadowFigure"][];
        };
        /** @description A product that stands on more lists than before, or on fewer. */
        Shift: {
            product: components["schemas"]["FoundProduct"];
            lists: number;
        };
        /** @description The shop that is calling. */
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
            shows_new_products: boolean;
        };
        /** @description What the merchant wants shoppers to see. */
        ShopSettings: {
            shows_new_products: boolean;
        };
        /** @description What the merchant wants shoppers to see. */
        ShopSettingsRequest: {
            shows_new_products: boolean;
        };
        /** @description Who sees what now, of all visitors. */
        Split: {
            /** Format: double */
            candidate: number;
            /** Format: double */
            control: number;
            /** Format: double */
            rest: number;
            /** Format: double */
            holdout: number;
        };
        /** @description One step of the plan: the shortest time at it, and when it was reached. */
        StepReport: {
            kind: components["schemas"]["StepReportKindEnum"];
            percent: number;
            /** Format: double */
            hours: number;
            progress: components["schemas"]["ProgressEnum"];
            /** Format: date-time */
            since: string | null;
        };
        /** @enum {string} */
        StepReportKindEnum: "SHADOW" | "INTERLEAVING" | "SHARE" | "AB_TEST";
        /** @description What serves one surface of the storefront, and how good it is, in words. */
        Surface: {
            surface: string;
            orders: number;
            words: string;
        };
        /** @enum {string} */
        SurfaceEnum: "product_page" | "home_page";
        /** @description What is known of one of our blocks, by recent evidence. */
        ThemeBlock: {
            placement: components["schemas"]["PlacementEnum"];
            state: components["schemas"]["ThemeBlockStateEnum"];
            detail: string;
            /** Format: date-time */
            seen_at: string | null;
        };
        /** @description What App Bridge says of our theme blocks, of each that it knows. */
        ThemeBlockReportRequest: {
            product?: components["schemas"]["BlockStatusEnum"];
            home?: components["schemas"]["BlockStatusEnum"];
        };
        /** @enum {string} */
        ThemeBlockStateEnum: "PLACED" | "NOT_SEEN" | "MISSING" | "UNAVAILABLE";
        /** @description Where one click adds our block to a page. */
        ThemeEditorUrls: {
            /** Format: uri */
            product: string;
            /** Format: uri */
            home: string;
        };
        /** @description One thing that happened meanwhile: a move, or another change in the shop. */
        TimelineEntry: {
            /** Format: date-time */
            at: string;
            kind: components["schemas"]["TimelineEntryKindEnum"];
            title: string;
            words: string;
            actor: string;
            state: (components["schemas"]["RolloutStateEnum"] | components["schemas"]["NullEnum"]) | null;
        };
        /** @enum {string} */
        TimelineEntryKindEnum: "MOVE" | "CHANGE";
        /** @description A product and what clicks on its recommendations sold of it. */
        TopProduct: {
            product_id: number;
            title: string;
            currency: string;
            /** Format: decimal */
            revenue: string;
            quantity: number;
            orders: number;
        };
        /** @description One training run. */
        TrainingRun: {
            /** Format: uuid */
            id: string;
            state: components["schemas"]["TrainingRunStateEnum"];
            reason: components["schemas"]["ReasonEnum"];
            /** Format: date-time */
            created_at: string;
            /** Format: date-time */
            started_at: string | null;
            /** Format: date-time */
            finished_at: string | null;
            progress: components["schemas"]["Progress"];
            error: string;
            curve: components["schemas"]["CurvePoint"][];
            /** Format: uuid */
            version: string | null;
        };
        /** @enum {string} */
        TrainingRunStateEnum: "QUEUED" | "EXPORTING" | "TRAINING" | "EVALUATING" | "REGISTERING" | "DONE" | "FAILED" | "CANCELLED";
        /** @description One recorded look. */
        Trigger: {
            /** Format: uuid */
            id: string;
            kind: components["schemas"]["TriggerKindEnum"];
            verdict: components["schemas"]["TriggerVerdictEnum"];
            words: string;
            readonly figures: components["schemas"]["Figure"][];
            /** Format: uuid */
            run: string | null;
            /** Format: uuid */
            version: string | null;
            /** Format: date-time */
            created_at: string;
        };
        /** @enum {string} */
        TriggerKindEnum: "TIMETABLE" | "CONVERSION" | "METRIC" | "DRIFT" | "UNREADABLE" | "MANUAL";
        /** @description Where one kind of trigger stands. No verdict: nobody has looked yet. */
        TriggerStatus: {
            kind: components["schemas"]["TriggerKindEnum"];
            title: string;
            verdict: (components["schemas"]["TriggerVerdictEnum"] | components["schemas"]["NullEnum"]) | null;
            words: string;
            /** Format: date-time */
            looked_at: string | null;
            /** Format: date-time */
            last_fired_at: string | null;
        };
        /** @description Where each kind stands, and until when no reason leads to a training. */
        TriggerStatuses: {
            statuses: components["schemas"]["TriggerStatus"][];
            /** Format: date-time */
            cooling_down_until: string | null;
        };
        /** @enum {string} */
        TriggerVerdictEnum: "FIRED" | "QUIET" | "NOT_ENOUGH_DATA" | "COOLING_DOWN";
        /** @description A shop's newest recorded looks. */
        Triggers: {
            triggers: components["schemas"]["Trigger"][];
        };
        /** @description A version that a person may open a rollout for, or go back to, and why it is not in use. */
        VersionOffer: {
            /** Format: uuid */
            version_id: string;
            number: number;
            /** Format: date-time */
            created_at: string;
            words: string;
        };
        /** @description How much the blend listens to one model. */
        Weight: {
            model: string;
            label: string;
            /** Format: double */
            share: number;
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
    get_activity: {
        parameters: {
            query?: {
                actor?: "SYSTEM" | "MERCHANT" | "STAFF";
                before?: string;
                kind?: "SETUP" | "SETTINGS" | "MODEL" | "STOREFRONT" | "PRIVACY" | "SUPPORT";
                since?: string;
                until?: string;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Activity"];
                };
            };
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
        };
    };
    get_activity_file: {
        parameters: {
            query?: {
                actor?: "SYSTEM" | "MERCHANT" | "STAFF";
                kind?: "SETUP" | "SETTINGS" | "MODEL" | "STOREFRONT" | "PRIVACY" | "SUPPORT";
                since?: string;
                until?: string;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "text/csv": string;
                };
            };
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
        };
    };
    get_data_requests: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["DataRequests"];
                };
            };
        };
    };
    get_data_request_file: {
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
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": string;
                };
            };
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
        };
    };
    get_exploration: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Exploration"];
                };
            };
        };
    };
    set_exploration: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["ExplorationRequest"];
            };
        };
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Exploration"];
                };
            };
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
        };
    };
    get_holdout: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Holdout"];
                };
            };
        };
    };
    set_holdout: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["HoldoutRequest"];
            };
        };
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Holdout"];
                };
            };
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
        };
    };
    request_import: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            202: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Import"];
                };
            };
            409: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
        };
    };
    get_model: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
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
    get_model_live: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Live"];
                };
            };
        };
    };
    get_model_settings: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ModelSettings"];
                };
            };
        };
    };
    set_model_settings: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["ModelSettingsRequest"];
            };
        };
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ModelSettings"];
                };
            };
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
        };
    };
    release_version: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                id: string;
            };
            cookie?: never;
        };
        requestBody?: {
            content: {
                "application/json": components["schemas"]["ReleaseRequestRequest"];
            };
        };
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ModelVersion"];
                };
            };
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            409: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
        };
    };
    get_preview: {
        parameters: {
            query?: {
                customer?: number;
                order?: string;
                product?: number;
                version?: string;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Preview"];
                };
            };
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
        };
    };
    find_products: {
        parameters: {
            query: {
                search: string;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["FoundProducts"];
                };
            };
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
        };
    };
    get_results: {
        parameters: {
            query?: {
                days?: 7 | 30 | 90;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Results"];
                };
            };
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
        };
    };
    get_rollouts: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Rollouts"];
                };
            };
        };
    };
    open_rollout: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["OpenRolloutRequest"];
            };
        };
        responses: {
            201: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["RolloutReport"];
                };
            };
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            409: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
        };
    };
    get_rollout: {
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
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["RolloutReport"];
                };
            };
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
        };
    };
    get_rollout_changes: {
        parameters: {
            query?: {
                order?: "MOST_SOLD" | "MOST_CHANGED";
                page?: number;
            };
            header?: never;
            path: {
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Changes"];
                };
            };
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
        };
    };
    look_at_rollout: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                id: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["AskLookRequest"];
            };
        };
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Look"];
                };
            };
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            409: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
        };
    };
    look_back: {
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
            202: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["RolloutReport"];
                };
            };
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            409: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
        };
    };
    move_rollout: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                id: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["MoveRolloutRequest"];
            };
        };
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["RolloutReport"];
                };
            };
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            409: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
        };
    };
    go_back: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["OpenRolloutRequest"];
            };
        };
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Rollouts"];
                };
            };
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            409: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
        };
    };
    get_rollout_settings: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["RolloutSettings"];
                };
            };
        };
    };
    set_rollout_settings: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["RolloutSettingsRequest"];
            };
        };
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["RolloutSettings"];
                };
            };
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
        };
    };
    get_setup: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
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
        requestBody?: {
            content: {
                "application/json": components["schemas"]["ThemeBlockReportRequest"];
            };
        };
        responses: {
            /** @description No response body */
            204: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
        };
    };
    get_shop: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
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
    set_shop_settings: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["ShopSettingsRequest"];
            };
        };
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ShopSettings"];
                };
            };
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
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
            202: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["TrainingRun"];
                };
            };
            409: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
        };
    };
    get_training: {
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
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["TrainingRun"];
                };
            };
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
        };
    };
    list_triggers: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Triggers"];
                };
            };
        };
    };
    get_trigger_status: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["TriggerStatuses"];
                };
            };
        };
    };
}
